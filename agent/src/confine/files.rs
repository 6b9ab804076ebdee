//! Which files the agent can open and which ports it can connect to from here on, by Landlock.

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

use super::Needs;

/// What Landlock holds of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Landlock {
    /// The kernel has none, or it is switched off.
    Unavailable,
    /// The kernel has it, and it was not asked for or is refused, as a foreign system-call filter does.
    Unused,
    /// Files; Linux 5.13 to 6.6.
    Files,
    /// Files, and TCP ports; up to Linux 6.11.
    Ports,
    /// Files, TCP ports, and signals and abstract sockets of others; from Linux 6.12.
    Signals,
}

impl Landlock {
    /// One word or a few, as reports have them.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Unused => "unused",
            Self::Files => "files",
            Self::Ports => "files, ports",
            Self::Signals => "files, ports, signals",
        }
    }

    /// Whether it holds anything.
    #[must_use]
    pub const fn holds(self) -> bool {
        !matches!(self, Self::Unavailable | Self::Unused)
    }
}

/// Restricts this thread and every thread that it starts, for good, as far as the kernel can.
pub(super) fn enter(needs: &Needs) -> Landlock {
    match restrict(needs) {
        Ok(RestrictionStatus {
            landlock: LandlockStatus::Available { effective_abi, .. },
            ..
        }) => match effective_abi {
            ABI::V1 | ABI::V2 | ABI::V3 => Landlock::Files,
            ABI::V4 | ABI::V5 => Landlock::Ports,
            _ => Landlock::Signals,
        },
        Ok(_) => Landlock::Unavailable,
        Err(why) => {
            tracing::debug!(%why, "Landlock is refused");
            Landlock::Unused
        }
    }
}

fn restrict(needs: &Needs) -> Result<RestrictionStatus, RulesetError> {
    let mut scopes: BitFlags<Scope> = Scope::Signal.into();
    if !needs.abstract_sockets {
        scopes |= Scope::AbstractUnixSocket;
    }
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(TESTED))?
        .handle_access(AccessNet::from_all(TESTED))?
        .scope(scopes)?
        .create()?;
    for path in &needs.readable {
        rules = allow(rules, path, READ)?;
    }
    for path in &needs.listable {
        rules = allow(rules, path, AccessFs::ReadDir.into())?;
    }
    if let Some(path) = &needs.state_dir {
        rules = allow(rules, path, READ | WRITE)?;
    }
    for port in &needs.ports {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    rules.restrict_self()
}

/// Allows `access` beneath `path`. What is not there now stays closed.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(place) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = match path.metadata() {
        Ok(known) if known.is_dir() => access,
        Ok(known) if known.is_file() || known.file_type().is_char_device() => {
            access & AccessFs::from_file(TESTED)
        }
        // A pipe needs no rule, and the kernel refuses one for it.
        _ => return Ok(rules),
    };
    if access.is_empty() {
        return Ok(rules);
    }
    rules.add_rule(PathBeneath::new(place, access))
}

/// The newest version whose rules were tried; a later one would add some that nobody has.
const TESTED: ABI = ABI::V6;
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir
});
