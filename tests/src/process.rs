//! One started program, its output and its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// A program that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    whole_group: bool,
    stdout: Log,
    stderr: Log,
    readers: Vec<JoinHandle<()>>,
}

impl Program {
    /// Starts `command` and gathers what it prints.
    #[must_use]
    pub fn start(command: Command) -> Self {
        Self::spawn(command, Stdio::piped(), false)
    }

    /// The same with `input` for its standard input.
    #[must_use]
    pub fn start_reading(command: Command, input: impl Into<Stdio>) -> Self {
        Self::spawn(command, input.into(), false)
    }

    /// The same for a program that starts others: they end with it.
    #[must_use]
    pub fn start_group(mut command: Command) -> Self {
        command.process_group(0);
        Self::spawn(command, Stdio::piped(), true)
    }

    fn spawn(mut command: Command, input: Stdio, whole_group: bool) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (stdout, stderr) = (Log::default(), Log::default());
        let readers = vec![
            stdout.fill_from(child.stdout.take().expect("stdout is piped")),
            stderr.fill_from(child.stderr.take().expect("stderr is piped")),
        ];
        Self {
            name,
            child,
            whole_group,
            stdout,
            stderr,
            readers,
        }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes `text` to the program's standard input and closes it.
    pub fn feed(&mut self, text: &str) {
        if let Some(mut stdin) = self.child.stdin.take() {
            // A program that ended without reading its input says why on its standard error.
            let _ = stdin.write_all(text.as_bytes());
        }
    }

    /// What it printed on standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it printed on standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The first line of standard output of which `read` makes something.
    pub async fn line<T>(
        &mut self,
        what: &str,
        limit: Duration,
        read: impl Fn(&str) -> Option<T>,
    ) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = self.stdout.lines().iter().find_map(|line| read(line)) {
                return found;
            }
            if let Some(status) = self.status() {
                panic!(
                    "{what} never came, the program ended with {status}{}",
                    self.logs()
                );
            }
            assert!(
                start.elapsed() < limit,
                "{what} did not come in {limit:?}{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), signal);
    }

    /// How it ended, if it did.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for the end; panics when it does not come in time.
    pub async fn end(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.status() {
                // What it printed last is still on its way through the pipes.
                while self.readers.iter().any(|reader| !reader.is_finished())
                    && start.elapsed() < limit
                {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                return status;
            }
            assert!(
                start.elapsed() < limit,
                "no end within {limit:?}{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills it, which no program can prepare for, and waits until it is gone. One that started
    /// others is asked first, so that it takes them along.
    pub fn kill(&mut self) {
        if self.status().is_some() {
            // Its number may be another process's by now.
            return;
        }
        let id = Pid::from_child(&self.child);
        if self.whole_group {
            self.ask_to_end();
            let _ = rustix::process::kill_process_group(id, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn ask_to_end(&mut self) {
        self.signal(Signal::TERM);
        let start = Instant::now();
        while self.status().is_none() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All that it printed, for a message.
    #[must_use]
    pub fn logs(&self) -> String {
        format!(
            "\n--- {}\n--- standard output\n{}\n--- standard error\n{}\n---",
            self.name,
            self.stdout(),
            self.stderr()
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}

/// How a command ended and what it printed.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// All that it printed.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Its standard output, when it succeeded; panics with what it complained of otherwise.
    #[must_use]
    pub fn success(self) -> String {
        assert!(
            self.status.success(),
            "the command ended with {}: {}{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs `command` to its end with `input`, within `limit`.
pub async fn run(command: Command, input: &str, limit: Duration) -> Finished {
    let mut program = Program::start(command);
    program.feed(input);
    let status = program.end(limit).await;
    Finished {
        status,
        stdout: program.stdout(),
        stderr: program.stderr(),
    }
}

/// Lines that a thread reads from a pipe.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn fill_from(&self, pipe: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                lines
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push(line);
            }
        })
    }

    fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }
}
