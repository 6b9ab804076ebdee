//! A dashboard of a few lines over real TLS, and the real agent as a process.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    unreachable_pub,
    reason = "shared by several tests; one that cannot go on fails"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use server_scout_wire::Coding;
use server_scout_wire::coding::decode;
use server_scout_wire::limits::MAX_DECODED_BYTES;
use tempfile::TempDir;

/// The key that every test uses and no output may show.
pub const KEY: &str = "ssk-tests-0123456789abcdef0123456789abcdef";

/// A CA, its `ca.pem`, and leaves signed by it.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

impl Ca {
    pub fn new() -> Self {
        Self::named("Tests")
    }

    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.pem"), pem).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            directory,
        }
    }

    pub fn pem(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A server's side of TLS for `name`; `valid` are the years of its certificate.
    pub fn server_config(&self, name: &str, valid: (i32, i32)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(valid.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(valid.1, 1, 1);
        self.serving(&params)
    }

    /// The same with a CA's certificate in place of a server's.
    pub fn server_config_of_a_ca(&self, name: &str) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self.serving(&params)
    }

    fn serving(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        Arc::new(config)
    }
}

/// What the agent sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
    /// Decompressed.
    pub body: Value,
    /// How it was compressed.
    pub coding: Option<Coding>,
    /// Which connection it came on, from 0.
    pub connection: usize,
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The reports in it.
    pub fn reports(&self) -> Vec<Value> {
        match &self.body {
            Value::Array(reports) => reports.clone(),
            report => vec![report.clone()],
        }
    }

    /// Which start of the agent made its reports, and their numbers.
    pub fn identities(&self) -> Vec<(String, u64)> {
        let boot = |report: &Value| report["boot"].as_str().unwrap().to_owned();
        let boots = self.reports().iter().map(boot).collect::<Vec<_>>();
        boots.into_iter().zip(self.seqs()).collect()
    }

    /// The numbers of its reports.
    pub fn seqs(&self) -> Vec<u64> {
        self.reports()
            .iter()
            .map(|report| report["seq"].as_u64().unwrap())
            .collect()
    }
}

/// What the dashboard says.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<String>,
    pub body: String,
}

impl Reply {
    pub fn accepted(request: &Request) -> Self {
        Self::json(
            200,
            &json!({
                "accepted": request.reports().len(), "duplicate": 0, "too_old": 0, "refused": [], "refused_count": 0,
            }),
        )
    }

    /// Ends the connection instead.
    pub fn none() -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub fn problem(status: u16, kind: &str) -> Self {
        Self::json(
            status,
            &json!({"type": kind, "title": "A problem", "status": status, "detail": "in a test"}),
        )
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    pub fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A dashboard on a port of its own.
pub struct Dashboard {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Dashboard {
    /// One that accepts every report.
    pub fn accepting(ca: &Ca) -> Self {
        Self::start(ca, Reply::accepted)
    }

    pub fn start(ca: &Ca, handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let tls = ca.server_config("localhost", (2020, 2100));
        Self::at("127.0.0.1:0".parse().unwrap(), tls, handler)
    }

    pub fn at(
        address: SocketAddr,
        tls: Arc<ServerConfig>,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::default(), Arc::default());
        let stop = Arc::new(AtomicBool::new(false));
        let accepting = thread::spawn({
            let handler: Arc<Handler> = Arc::new(handler);
            let (requests, connections) = (Arc::clone(&requests), Arc::clone(&connections));
            let stop = Arc::clone(&stop);
            move || {
                for (number, stream) in listener.incoming().enumerate() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let stream = stream.unwrap();
                    lock::<Vec<TcpStream>>(&connections).push(stream.try_clone().unwrap());
                    let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
                    let (handler, requests) = (Arc::clone(&handler), Arc::clone(&requests));
                    thread::spawn(move || {
                        serve(
                            StreamOwned::new(connection, stream),
                            number,
                            &requests,
                            &*handler,
                        )
                    });
                }
            }
        });
        Self {
            address,
            requests,
            stop,
            connections,
            accepting: Some(accepting),
        }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    /// Waits until the dashboard has seen `count` requests.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        wait(&format!("{count} requests"), || {
            let requests = self.requests();
            (requests.len() >= count).then_some(requests)
        })
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for connection in lock(&self.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Answers requests until the connection ends; None is how it ends.
fn serve(
    stream: StreamOwned<ServerConnection, TcpStream>,
    connection: usize,
    requests: &Mutex<Vec<Request>>,
    handler: &Handler,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let find = |name: &str| headers.iter().find(|(header, _)| header == name);
        let length: usize = find("content-length")?.1.parse().ok()?;
        let coding = find("content-encoding")
            .map(|(_, value)| Coding::from_name(value.as_bytes()).expect("a known coding"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        if let Some(coding) = coding {
            body = decode(coding, &body, MAX_DECODED_BYTES).unwrap();
        }
        let request = Request {
            line: line.trim_end().to_owned(),
            headers,
            body: serde_json::from_slice(&body).unwrap(),
            coding,
            connection,
            at: Instant::now(),
        };
        let reply = handler(&request);
        lock(requests).push(request);
        if reply.status == 0 {
            let _ = stream.get_ref().sock.shutdown(Shutdown::Both);
            return None;
        }
        let mut head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n",
            reply.status,
            reply.body.len()
        );
        for header in &reply.headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        let stream = stream.get_mut();
        stream
            .write_all(format!("{head}\r\n{}", reply.body).as_bytes())
            .ok()?;
        stream.flush().ok()?;
    }
}

/// The agent as a process, with an environment that holds nothing but what a test says.
pub struct Agent {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Agent {
    /// `run` against a dashboard, a report a second.
    pub fn run(url: &str, ca: &Ca, more: &[(&str, &str)]) -> Self {
        let ca = ca.pem();
        let mut variables = vec![
            ("SERVERSCOUT_URL", url),
            ("SERVERSCOUT_CA_FILE", ca.to_str().unwrap()),
            ("SERVERSCOUT_INTERVAL_SECONDS", "1"),
        ];
        if !more
            .iter()
            .any(|(name, _)| name.starts_with("SERVERSCOUT_API_KEY"))
        {
            variables.push(("SERVERSCOUT_API_KEY", KEY));
        }
        variables.extend(more);
        Self::start(&["run"], &variables)
    }

    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_server-scout-agent"))
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            follow(child.stdout.take().unwrap(), &output),
            follow(child.stderr.take().unwrap(), &output),
        ];
        Self {
            child,
            output,
            readers,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far, on both outputs.
    pub fn output(&self) -> String {
        lock(&self.output).clone()
    }

    pub fn wait_for_output(&self, text: &str) -> String {
        wait(&format!("{text:?} in the output"), || {
            let output = self.output();
            output.contains(text).then_some(output)
        })
    }

    /// Ends it without a warning, as a crash does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end; its status and all it printed, in which there is never a key.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = wait("the agent to end", || self.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let output = self.output();
        assert!(!output.contains(KEY), "the key is in the output: {output}");
        (status, output)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `check` with the given settings: whether it succeeded, and what it printed.
pub fn check(url: &str, ca: &Path) -> (bool, String) {
    let variables = [
        ("SERVERSCOUT_URL", url),
        ("SERVERSCOUT_CA_FILE", ca.to_str().unwrap()),
        ("SERVERSCOUT_API_KEY", KEY),
    ];
    let (status, output) = Agent::start(&["check"], &variables).end();
    (status.success(), output)
}

/// Tries until it works, and fails after a while that is longer than the longest back-off.
pub fn wait<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(
            start.elapsed() < Duration::from_secs(70),
            "waited in vain for {what}"
        );
        sleep(Duration::from_millis(10));
    }
}

fn follow(from: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut output = lock(&output);
            output.push_str(&line);
            output.push('\n');
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
