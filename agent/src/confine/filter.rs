//! Which system calls the kernel carries out for the agent from here on.
//!
//! Two filters, of which the stricter answer counts. The first kills the process for what only an intruder
//! would ask, and the kernel logs that. The second allows what the agent does and answers `ENOSYS` to
//! all else, as an old kernel would: a C library that tries something newer then falls back, where
//! being killed or `EPERM` would end an agent that has done nothing wrong.

use std::collections::BTreeMap;

use libc::ENOSYS;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::calls::{ALLOWED, ALLOWED_OF_OLD, Argument, Bound, Must, NEVER, NEVER_OF_OLD, bounded};

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

/// Restricts this thread and every thread that it starts, for good. With `gives_away` the owner of a
/// file can be changed, which `enrol` does as root.
pub(super) fn enter(gives_away: bool) -> Result<(), FilterError> {
    let never = rules(
        NEVER
            .iter()
            .chain(NEVER_OF_OLD)
            .map(|call| (*call, Vec::new())),
    )?;
    let own = gives_away.then_some((libc::SYS_fchown, Vec::new()));
    let allowed = ALLOWED
        .iter()
        .chain(ALLOWED_OF_OLD)
        .map(|call| (*call, Vec::new()))
        .chain(bounded(std::process::id()))
        .chain(own);
    let allowed = rules(allowed)?;
    let unknown = SeccompAction::Errno(ENOSYS.cast_unsigned());
    let programs = [
        compile(never, SeccompAction::Allow, SeccompAction::KillProcess)?,
        compile(allowed, unknown, SeccompAction::Allow)?,
    ];
    for program in &programs {
        apply_filter(program).map_err(|why| FilterError(why.to_string()))?;
    }
    Ok(())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, FilterError> {
    let failed = |why: seccompiler::BackendError| FilterError(why.to_string());
    let machine: TargetArch = std::env::consts::ARCH.try_into().map_err(failed)?;
    SeccompFilter::new(rules, otherwise, matching, machine)
        .and_then(TryInto::try_into)
        .map_err(failed)
}

fn rules(calls: impl Iterator<Item = Bound>) -> Result<Rules, FilterError> {
    calls
        .map(|(call, ways)| {
            let ways: Result<_, FilterError> = ways.iter().map(|way| rule(way)).collect();
            Ok((call, ways?))
        })
        .collect()
}

fn rule(arguments: &[Argument]) -> Result<SeccompRule, FilterError> {
    let condition = |(place, must): &Argument| {
        let (length, operator, value) = match *must {
            Must::Be(number) => (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number),
            Must::Have { mask, bits } => {
                let operator = SeccompCmpOp::MaskedEq(u64::from(mask));
                (SeccompCmpArgLen::Dword, operator, bits)
            }
            Must::BeNull => (SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0),
        };
        SeccompCondition::new(*place, length, operator, u64::from(value))
    };
    let conditions: Result<_, _> = arguments.iter().map(condition).collect();
    conditions
        .and_then(SeccompRule::new)
        .map_err(|why| FilterError(why.to_string()))
}
