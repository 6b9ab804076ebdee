//! `ca`: the dashboard's own certificate authority.

use anyhow::bail;

use crate::clock::Clock;
use crate::config::{Config, Tls};
use crate::data_dir::DataDir;
use crate::tls::authority;
use crate::tls::rotation::{self, Overlap};

/// Begins a rotation, or ends its overlap. A dashboard that runs takes it up within seconds.
pub(super) fn rotate(config: &Config, finish: bool) -> anyhow::Result<()> {
    if config.tls != Tls::SelfSigned {
        bail!("this dashboard has no certificate authority of its own (SERVERSCOUT_TLS__MODE)");
    }
    let data_dir = DataDir::open(&config.data_dir)?;
    let file = data_dir.file("ca.pem");
    if finish {
        rotation::finish(&data_dir, &config.hosts)?;
        println!("the next CA signs now; a dashboard that runs takes it up within seconds, and");
        println!("forgets the old one; an agent that does not know it yet is refused until it");
        println!("has {}", file.display());
        return Ok(());
    }
    let Overlap {
        next_sha256,
        ends_at,
    } = rotation::begin(&data_dir, &config.hosts, &Clock::system())?;
    println!(
        "{} holds the next CA too, SHA-256 {next_sha256}",
        file.display()
    );
    println!(
        "enrolled agents that run fetch it within two hours; where SERVERSCOUT_CA_FILE names a"
    );
    println!("copy, and in browsers, put the file in place of the old one");
    println!("it takes the old one's place at {ends_at}, or with server-scout ca rotate --finish");
    Ok(())
}

/// The fingerprint that enrolment codes carry; none without an own CA.
pub(super) fn trust(config: &Config) -> anyhow::Result<Option<String>> {
    if config.tls != Tls::SelfSigned {
        return Ok(None);
    }
    let data_dir = DataDir::open(&config.data_dir)?;
    Ok(Some(authority::signer_sha256(&data_dir)?))
}
