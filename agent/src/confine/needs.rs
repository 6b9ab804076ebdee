//! What a command needs of files and of the network.

use std::env;
use std::path::{Path, PathBuf};

use url::Url;

use crate::arguments::{Command, Enrol};
use crate::config::{Environment, Settings, parse_url};
use crate::state::UNIT_STATE_DIR;

/// What is not given up.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// What is read, with all that lies beneath.
    pub readable: Vec<PathBuf>,
    /// Directories of which the names are read, and nothing else.
    pub listable: Vec<PathBuf>,
    /// The one directory that is written to.
    pub state_dir: Option<PathBuf>,
    /// Whether that is made where it is missing.
    pub makes_state_dir: bool,
    /// TCP ports that are connected to.
    pub ports: Vec<u16>,
    /// Whether the service manager listens where others' abstract sockets are.
    pub abstract_sockets: bool,
    /// Whether files are given to another user.
    pub gives_away: bool,
}

impl Needs {
    /// What a command that speaks to the dashboard needs. `check-config` and `report` do not and are none of
    /// them: the latter stays what the others are compared with.
    #[must_use]
    pub fn of(command: &Command, settings: &Settings, environment: &Environment) -> Option<Self> {
        let enrolment = match command {
            Command::CheckConfig | Command::Report => return None,
            Command::Check | Command::Run => None,
            Command::Enrol(options) => Some(options),
        };
        let mut needs = Self {
            readable: READABLE.map(PathBuf::from).to_vec(),
            listable: LISTABLE.map(PathBuf::from).to_vec(),
            state_dir: settings.state_dir().map(Path::to_owned),
            makes_state_dir: *command != Command::Check,
            ports: Vec::new(),
            abstract_sockets: is_abstract(environment),
            gives_away: enrolment.is_some(),
        };
        needs.add_followed(Path::new(RESOLVER));
        needs.add_certificates(settings.ca_file(), environment);
        match enrolment {
            Some(options) => needs.add_enrolment(options),
            None => needs.add_key(settings, environment),
        }
        needs.add_ports(url(enrolment, settings).as_ref());
        Some(needs)
    }

    /// The agent key's file. What `enrol` left is in the state directory. Credentials are looked at also
    /// when they are blank.
    fn add_key(&mut self, settings: &Settings, environment: &Environment) {
        let credentials = environment.get("CREDENTIALS_DIRECTORY");
        self.readable.extend(credentials.map(PathBuf::from));
        if let Ok(source) = settings.key_source(environment)
            && let Some(path) = source.file()
        {
            self.add_followed(path);
        }
    }

    fn add_enrolment(&mut self, options: &Enrol) {
        self.state_dir
            .get_or_insert_with(|| PathBuf::from(UNIT_STATE_DIR));
        self.readable.extend(options.code_file.clone());
        self.readable.extend(options.ca_file.clone());
    }

    fn add_certificates(&mut self, ca_file: Option<&Path>, environment: &Environment) {
        if let Some(path) = ca_file {
            return self.add_followed(path);
        }
        let named = CERTIFICATES.iter().filter_map(|name| environment.get(name));
        for paths in named {
            self.readable.extend(env::split_paths(&paths));
        }
    }

    /// A file that may be replaced by another of its name: its directory, and that which it is linked
    /// to. Access to a file alone would end with the file.
    fn add_followed(&mut self, path: &Path) {
        let Ok(path) = std::path::absolute(path) else {
            return;
        };
        // What a link names may not be there yet, such as a resolver's file while the host starts.
        let target = path.canonicalize().or_else(|_| {
            let named = path.read_link()?;
            Ok::<_, std::io::Error>(path.parent().unwrap_or(&path).join(named))
        });
        for file in [Some(path), target.ok()].into_iter().flatten() {
            let Some(directory) = file.parent() else {
                continue;
            };
            // In `/` lies everything, so there a file is on its own.
            let place = if directory == Path::new("/") {
                &file
            } else {
                directory
            };
            self.readable.push(place.to_owned());
        }
    }

    /// The dashboard's port, and that of name servers when its name has to be looked up.
    fn add_ports(&mut self, url: Option<&Url>) {
        let Some(url) = url else { return };
        self.ports.extend(url.port_or_known_default());
        if url.domain().is_some() {
            self.ports.push(NAME_SERVICE);
        }
    }
}

fn url(enrolment: Option<&Enrol>, settings: &Settings) -> Option<Url> {
    let given = enrolment.and_then(|options| options.url.as_deref());
    match given {
        Some(text) => parse_url("--url", text).ok(),
        None => settings.url().ok(),
    }
}

fn is_abstract(environment: &Environment) -> bool {
    let socket = environment.get("NOTIFY_SOCKET");
    socket.is_some_and(|path| path.starts_with('@'))
}

/// What the collectors read, and what the C library does to look up a name. `/etc` as a whole, because
/// the files of the name service are replaced while the agent runs, as is what is written of updates. A static agent finds no `getrandom` in
/// the C library and reads the devices.
const READABLE: [&str; 11] = [
    "/dev/random",
    "/dev/urandom",
    "/etc",
    "/lib",
    "/lib64",
    "/nix/store",
    "/proc",
    "/run/systemd/container",
    "/sys",
    "/usr",
    "/var/lib/update-notifier",
];
const LISTABLE: [&str; 2] = ["/boot", "/lib/modules"];
const RESOLVER: &str = "/etc/resolv.conf";
/// Where else the system's CAs are, for whoever says so.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
const NAME_SERVICE: u16 = 53;
