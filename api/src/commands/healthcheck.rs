//! `healthcheck`: whether the dashboard is ready, for containers and scripts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::ClientBuilder;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::config::{Config, Listen, Tls};
use crate::tls::provider;

/// Asks `url`, or else the dashboard that listens on this machine as `config` says.
pub(super) async fn run(
    config: &Config,
    url: Option<String>,
    ca_file: Option<PathBuf>,
) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(5));
    let (url, client) = match url {
        Some(url) if url.starts_with("https://") => (url, client),
        Some(url) => bail!("{url} is not an https:// address"),
        None => here(config, client)?,
    };
    let client = client
        .tls_backend_preconfigured(client_config(config, ca_file)?)
        .build()
        .context("cannot make an HTTPS client")?;
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let response = client
        .get(&url)
        .send()
        .await
        .with_context(|| format!("cannot reach {url}"))?;
    if !response.status().is_success() {
        bail!("the dashboard is not ready: {}", response.status());
    }
    Ok(())
}

/// The listener of this machine, asked by a name that certificate and allow-list know. The public
/// address may lead past a proxy, or nowhere from inside a container.
fn here(config: &Config, client: ClientBuilder) -> anyhow::Result<(String, ClientBuilder)> {
    let mut url = Url::parse(config.public_url.as_str())?;
    if config.tls == Tls::Proxy && url.set_scheme("http").is_err() {
        bail!("{url} cannot be asked without TLS");
    }
    // The own certificate holds every name; a bought one seldom more than the public one.
    if config.tls == Tls::SelfSigned && config.hosts.contains(&Host::Domain(LOCALHOST.to_owned())) {
        url.set_host(Some(LOCALHOST))?;
    }
    let address = match &config.listen {
        Listen::Unix(path) => return Ok((url.into(), client.unix_socket(path.clone()))),
        Listen::Tcp(address) if address.port() == 0 => {
            bail!("the port is chosen at the start; say where the dashboard is with --url")
        }
        Listen::Tcp(address) => reachable(*address),
    };
    if url.set_port(Some(address.port())).is_err() {
        bail!("{url} takes no port");
    }
    let client = match url.host() {
        Some(Host::Domain(name)) => client.resolve(name, address),
        _ => client,
    };
    Ok((url.into(), client))
}

/// Where a listener on every address answers on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn client_config(config: &Config, ca_file: Option<PathBuf>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match (ca_file, &config.tls) {
        (Some(file), _) => trust(&mut roots, &file)?,
        (None, Tls::SelfSigned) => trust(&mut roots, &config.data_dir.join("ca.pem"))?,
        // What the operator gave the dashboard to show is trusted as much as what the system has.
        (None, Tls::Files { cert_file, .. }) => {
            trust(&mut roots, cert_file)?;
            trust_the_systems(&mut roots);
        }
        (None, Tls::Proxy) => trust_the_systems(&mut roots),
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth();
    Ok(config)
}

fn trust(roots: &mut RootCertStore, file: &Path) -> anyhow::Result<()> {
    let unreadable = || format!("cannot read the CA from {}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
        roots
            .add(certificate.with_context(unreadable)?)
            .with_context(unreadable)?;
    }
    Ok(())
}

fn trust_the_systems(roots: &mut RootCertStore) {
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
}

const LOCALHOST: &str = "localhost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_this_machine() -> Result<(), std::net::AddrParseError>
    {
        for (listen, asked) in [
            ("0.0.0.0:8443", "127.0.0.1:8443"),
            ("[::]:8443", "[::1]:8443"),
            ("192.0.2.7:443", "192.0.2.7:443"),
        ] {
            assert_eq!(reachable(listen.parse()?), asked.parse()?, "{listen}");
        }
        Ok(())
    }
}
