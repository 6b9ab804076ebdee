//! `healthcheck`: whether the dashboard is ready, for containers and scripts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::config::{Config, Tls};
use crate::tls::provider;

pub(super) async fn run(
    config: &Config,
    url: Option<String>,
    ca_file: Option<PathBuf>,
) -> anyhow::Result<()> {
    let url = url.unwrap_or_else(|| config.public_url.as_str().to_owned());
    if !url.starts_with("https://") {
        bail!("{url} is not an https:// address");
    }
    let own_ca = (config.tls == Tls::SelfSigned).then(|| config.data_dir.join("ca.pem"));
    let Some(ca_file) = ca_file.or(own_ca) else {
        bail!("--ca-file is needed: which CA signed the dashboard's certificate?");
    };
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(client_config(&ca_file)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(5))
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

fn client_config(ca_file: &std::path::Path) -> anyhow::Result<ClientConfig> {
    let unreadable = || format!("cannot read the CA from {}", ca_file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).with_context(unreadable)? {
        roots
            .add(certificate.with_context(unreadable)?)
            .with_context(unreadable)?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth();
    Ok(config)
}
