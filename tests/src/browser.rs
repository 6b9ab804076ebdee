//! Chromium, driven through `WebDriver`, that trusts one dashboard's CA and nothing else of ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel};

use crate::process::{Program, run};
use crate::wait::{PATIENCE, until};

/// How long a browser may take for anything on a busy machine.
pub const BROWSER_PATIENCE: Duration = Duration::from_secs(40);

/// A browser with a home of its own. It ends when dropped.
#[derive(Debug)]
pub struct Browser {
    /// The page.
    pub driver: WebDriver,
    service: Program,
    _home: TempDir,
}

/// How a browser is started.
#[derive(Clone, Copy, Debug)]
pub struct Habits<'a> {
    /// The CA to trust, none for a browser that has never heard of the dashboard.
    pub ca_file: Option<&'a Path>,
    /// Whether scripts run.
    pub script: bool,
}

impl Browser {
    /// A browser that trusts `ca_file` and runs scripts.
    pub async fn trusting(ca_file: &Path) -> Self {
        Self::start(Habits {
            ca_file: Some(ca_file),
            script: true,
        })
        .await
    }

    /// A browser with these habits.
    pub async fn start(habits: Habits<'_>) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        trust(home.path(), habits.ca_file).await;

        let mut command = Command::new(program("chromedriver"));
        command
            .args(["--port=0", "--log-level=WARNING"])
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_CACHE_HOME", home.path().join("cache"));
        let mut service = Program::start_group(command);
        let port = service
            .line("chromedriver's port", BROWSER_PATIENCE, |line| {
                let (_, rest) = line.split_once("started successfully on port ")?;
                rest.trim_end_matches('.').parse::<u16>().ok()
            })
            .await;

        // The driver's client asks for the process's provider even where no TLS is spoken.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let capabilities = capabilities(home.path(), habits.script);
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}{}", service.logs()));
        driver
            .set_page_load_timeout(BROWSER_PATIENCE)
            .await
            .expect("a deadline can be set");
        Self {
            driver,
            service,
            _home: home,
        }
    }

    /// Opens `url`; panics when the browser refuses it.
    pub async fn open(&self, url: &str) {
        self.driver
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{url} does not open: {error}{}", self.service.logs()));
    }

    /// The text that a person sees on the page.
    pub async fn text(&self) -> String {
        let body = self
            .driver
            .find(By::Tag("body"))
            .await
            .expect("a page has a body");
        body.text().await.expect("a body has a text")
    }

    /// Waits until the page shows `text`.
    pub async fn shows(&self, text: &str, limit: Duration) {
        let what = format!("the page shows {text:?}");
        until(&what, limit, async || {
            // A page that is just being replaced has no body for a moment.
            let body = self.driver.find(By::Tag("body")).await.ok()?;
            body.text().await.ok()?.contains(text).then_some(())
        })
        .await;
    }

    /// The result of a script in the page.
    pub async fn script(&self, script: &str) -> Value {
        let result = self.driver.execute(script, Vec::new()).await;
        result
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .json()
            .clone()
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    pub async fn before_every_page(&self, script: &str) {
        let source = json!({ "source": script });
        let method = "Page.addScriptToEvaluateOnNewDocument";
        self.driver
            .cdp()
            .send_raw(method, source)
            .await
            .expect("a script can be put first");
    }

    /// Types `text` into the field of that name.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.driver.find(By::Css(format!("[name={name}]"))).await;
        let field = field.unwrap_or_else(|error| panic!("no field {name}: {error}"));
        field.clear().await.expect("a field can be cleared");
        field
            .send_keys(text)
            .await
            .expect("a field can be typed into");
    }

    /// Presses the button that sends the form in which the field `name` is.
    pub async fn send_form_of(&self, name: &str) {
        let button = format!("//form[.//*[@name='{name}']]//button[not(@type) or @type='submit']");
        let button = self.driver.find(By::XPath(button)).await;
        let button = button.unwrap_or_else(|error| panic!("no button beside {name}: {error}"));
        button.click().await.expect("a button can be pressed");
    }

    /// What the console complained of since the last time, resources that were not there included.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self
            .driver
            .browser_log()
            .await
            .expect("the console can be read");
        entries
            .into_iter()
            .filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"))
            .map(|entry| entry.message)
            .collect()
    }

    /// Shows the page as on a screen of that size, dark or light.
    pub async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        let cdp = self.driver.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", size)
            .await
            .expect("sizes can be set");
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        cdp.send_raw("Emulation.setEmulatedMedia", media)
            .await
            .expect("media can be set");
    }

    /// Saves pictures of the page for people, where `SERVERSCOUT_SCREENSHOTS` says so: desktop and
    /// phone, dark and light. The page is left as on a light desktop.
    pub async fn picture(&self, name: &str) {
        let Some(directory) = std::env::var_os("SERVERSCOUT_SCREENSHOTS").map(PathBuf::from) else {
            return;
        };
        std::fs::create_dir_all(&directory).expect("the directory for pictures can be made");
        for (device, width, height) in [("phone", 390, 844), ("desktop", 1280, 800)] {
            for scheme in ["dark", "light"] {
                self.look(width, height, scheme).await;
                // Charts redraw themselves a moment after the size has changed.
                tokio::time::sleep(Duration::from_millis(300)).await;
                let path = directory.join(format!("{name}-{device}-{scheme}.png"));
                self.driver
                    .screenshot(&path)
                    .await
                    .expect("a picture can be taken");
            }
        }
    }

    /// Ends the browser in order.
    pub async fn quit(self) {
        let _ = self.driver.clone().quit().await;
    }
}

/// Makes a certificate store in `home` that holds `ca_file` alone.
async fn trust(home: &Path, ca_file: Option<&Path>) {
    let store = home.join(".pki/nssdb");
    std::fs::create_dir_all(&store).expect("the store's directory can be made");
    let store = format!("sql:{}", store.display());
    let mut create = Command::new(program("certutil"));
    create.args(["-d", &store, "-N", "--empty-password"]);
    let _ = run(create, "", PATIENCE).await.success();
    if let Some(ca_file) = ca_file {
        let mut add = Command::new(program("certutil"));
        add.args(["-d", &store, "-A", "-t", "C,,", "-n", "dashboard", "-i"])
            .arg(ca_file);
        let _ = run(add, "", PATIENCE).await.success();
    }
}

fn capabilities(home: &Path, script: bool) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    let profile = format!("--user-data-dir={}", home.join("profile").display());
    for argument in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-proxy-server",
        "--window-size=1280,800",
        &profile,
    ] {
        capabilities
            .add_arg(argument)
            .expect("an argument can be added");
    }
    capabilities
        .set_binary(program("chromium").to_str().expect("a path in UTF-8"))
        .expect("a path");
    capabilities
        .set_browser_log_level(LoggingPrefsLogLevel::All)
        .expect("the log's level can be set");
    if !script {
        let off = json!({"profile.managed_default_content_settings.javascript": 2});
        capabilities
            .add_experimental_option("prefs", off)
            .expect("preferences can be set");
    }
    capabilities
}

fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{name} is not installed: the browser tests need chromium, chromedriver and \
                 certutil (Debian: chromium, chromium-driver, libnss3-tools)"
            )
        })
}
