//! What a process of the dashboard gives up when it needs no way out, and that it lets nobody look into it.
//!
//! `serve` without `notify` beside it needs the network, so this is for the mode `separate`. A filter of
//! system calls refuses new sockets of the network and whatever would turn one that is there into a way
//! out: `connect`, which also ends and renews a connection that was accepted, sending that connects on the
//! way, and calls that reach into other processes or past the filter. Listening and answering stay.

use std::collections::BTreeMap;
use std::io;

use libc::{AF_UNIX, EACCES, MSG_FASTOPEN, c_int, c_long};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
#[error("the kernel takes no filter of system calls: {0}")]
pub struct FilterError(String);

/// Refuses outgoing connections to every thread of this process and all that it starts, for good. To be
/// called once everything listens.
pub fn refuse_connections() -> Result<(), FilterError> {
    let program = compile().map_err(|why| FilterError(why.to_string()))?;
    apply_filter_all_threads(&program).map_err(|why| FilterError(why.to_string()))
}

/// Closes this process's memory to others of the same user, so that neither of `serve` and `notify` can take
/// what the other has. It ends in no file either.
pub fn close_memory() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

fn compile() -> Result<BpfProgram, seccompiler::BackendError> {
    let machine: TargetArch = std::env::consts::ARCH.try_into()?;
    let refused = SeccompAction::Errno(EACCES.cast_unsigned());
    SeccompFilter::new(rules()?, SeccompAction::Allow, refused, machine)?.try_into()
}

/// Each call that is refused, with the ways in which it is; without one, it is in every way.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules = BTreeMap::new();
    for call in REFUSED {
        rules.extend(numbers(call).map(|number| (number, Vec::new())));
    }
    for (call, place, operator, value) in refused_if() {
        let condition = SeccompCondition::new(place, SeccompCmpArgLen::Dword, operator, value)?;
        let rule = SeccompRule::new(vec![condition])?;
        rules.extend(numbers(call).map(|number| (number, vec![rule.clone()])));
    }
    Ok(rules)
}

/// Calls that are refused where the argument at a place is like that.
fn refused_if() -> [(c_long, u8, SeccompCmpOp, u64); 4] {
    let connects = bits(MSG_FASTOPEN);
    let has = SeccompCmpOp::MaskedEq(connects);
    [
        (libc::SYS_socket, 0, SeccompCmpOp::Ne, bits(AF_UNIX)),
        (libc::SYS_sendto, 3, has.clone(), connects),
        (libc::SYS_sendmsg, 2, has.clone(), connects),
        (libc::SYS_sendmmsg, 3, has, connects),
    ]
}

const fn bits(constant: c_int) -> u64 {
    constant.cast_unsigned() as u64
}

/// The number of a call, and those of its twin with 32-bit pointers that x86-64 kernels may have.
#[cfg(target_arch = "x86_64")]
fn numbers(call: c_long) -> impl Iterator<Item = c_long> {
    const TWIN: c_long = 0x4000_0000;
    let own = match call {
        libc::SYS_sendmsg => Some(518),
        libc::SYS_ptrace => Some(521),
        libc::SYS_sendmmsg => Some(538),
        libc::SYS_process_vm_writev => Some(540),
        _ => None,
    };
    [call, TWIN | call]
        .into_iter()
        .chain(own.map(|number| TWIN | number))
}

/// The number of a call.
#[cfg(not(target_arch = "x86_64"))]
fn numbers(call: c_long) -> impl Iterator<Item = c_long> {
    std::iter::once(call)
}

const REFUSED: [c_long; 7] = [
    libc::SYS_connect,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
];
