//! Which system calls the agent makes, and which it never makes.
//!
//! Found by tracing the agent in every tier with several C libraries, and by reading what they and the
//! modules of the name service call elsewhere. What only another libc would call costs nothing here.

use libc::{
    AF_INET, AF_INET6, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS,
    CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_THREAD, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,
    F_GETFL, F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETFD, F_SETFL, F_SETLK, F_SETLKW,
    PR_GET_NAME, PR_SET_NAME, PROT_EXEC, PROT_WRITE, SIGABRT, SOCK_DGRAM, SOCK_STREAM, c_int,
    c_long,
};

/// One argument of a call: its place, and what it must be.
pub(super) type Argument = (u8, Must);

/// What an argument must be. The kernel cuts numbers off to 32 bits, and so what is above is not looked at.
#[derive(Clone, Copy)]
pub(super) enum Must {
    /// This number.
    Be(u32),
    /// These bits, of those of the mask.
    Have {
        /// The bits that are looked at.
        mask: u32,
        /// What they are.
        bits: u32,
    },
    /// A pointer to nothing.
    BeNull,
}

/// A call and the ways in which it may be made: any of these sets of arguments.
pub(super) type Bound = (c_long, Vec<Vec<Argument>>);

/// Calls that may be made with arguments of these kinds alone. `process` is the agent's own.
pub(super) fn bounded(process: u32) -> Vec<Bound> {
    let mode = |place| vec![vec![(place, have(PRIVILEGED_MODE, 0))]];
    let mut calls = vec![
        // Threads, and no process and no namespace.
        (
            libc::SYS_clone,
            vec![vec![(
                0,
                have(bits(CLONE_THREAD) | NAMESPACES, bits(CLONE_THREAD)),
            )]],
        ),
        (libc::SYS_fchmod, mode(1)),
        (libc::SYS_fchmodat, mode(2)),
        (libc::SYS_fcntl, one_of(1, &FILE_CONTROLS)),
        (libc::SYS_ioctl, one_of(1, &DEVICE_CONTROLS)),
        // Nothing that can be written can be run, and nothing becomes what can be run.
        (
            libc::SYS_mmap,
            [0, bits(PROT_WRITE), bits(PROT_EXEC)]
                .map(|protection| vec![(2, have(bits(PROT_WRITE | PROT_EXEC), protection))])
                .to_vec(),
        ),
        (
            libc::SYS_mprotect,
            vec![vec![(2, have(bits(PROT_EXEC), 0))]],
        ),
        (libc::SYS_openat, mode(3)),
        (libc::SYS_prctl, one_of(0, &PROCESS_CONTROLS)),
        // Reading limits, one's own.
        (
            libc::SYS_prlimit64,
            vec![vec![(0, Must::Be(0)), (2, Must::BeNull)]],
        ),
        (libc::SYS_socket, sockets()),
        (libc::SYS_socketpair, one_of(0, &[bits(AF_UNIX)])),
        (libc::SYS_tgkill, one_of(0, &[process])),
        // How musl aborts.
        (libc::SYS_tkill, one_of(1, &[bits(SIGABRT)])),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([(libc::SYS_chmod, mode(1)), (libc::SYS_open, mode(2))]);
    calls
}

/// Streams and datagrams to hosts and to this host's own services; no raw packet, no other family.
fn sockets() -> Vec<Vec<Argument>> {
    let family = |family: c_int| {
        [SOCK_STREAM, SOCK_DGRAM].map(|kind| {
            vec![
                (0, Must::Be(bits(family))),
                (1, have(SOCKET_KIND, bits(kind))),
            ]
        })
    };
    [AF_UNIX, AF_INET, AF_INET6]
        .into_iter()
        .flat_map(family)
        .collect()
}

fn one_of(place: u8, values: &[u32]) -> Vec<Vec<Argument>> {
    let is = |value: &u32| vec![(place, Must::Be(*value))];
    values.iter().map(is).collect()
}

const fn have(mask: u32, bits: u32) -> Must {
    Must::Have { mask, bits }
}

/// The bits of a constant of the C library.
const fn bits(constant: c_int) -> u32 {
    constant.cast_unsigned()
}

/// Set-user-id, set-group-id and the sticky bit.
const PRIVILEGED_MODE: u32 = 0o7000;
/// What tells stream from datagram; the flags beside it do not matter.
const SOCKET_KIND: u32 = 0xf;
const NAMESPACES: u32 = bits(
    CLONE_NEWCGROUP
        | CLONE_NEWIPC
        | CLONE_NEWNET
        | CLONE_NEWNS
        | CLONE_NEWPID
        | CLONE_NEWUSER
        | CLONE_NEWUTS,
);

const FILE_CONTROLS: [u32; 12] = [
    bits(F_DUPFD),
    bits(F_DUPFD_CLOEXEC),
    bits(F_GETFD),
    bits(F_GETFL),
    bits(F_GETLK),
    bits(F_OFD_GETLK),
    bits(F_OFD_SETLK),
    bits(F_OFD_SETLKW),
    bits(F_SETFD),
    bits(F_SETFL),
    bits(F_SETLK),
    bits(F_SETLKW),
];

/// `FIOCLEX`, `FIONBIO` and `FIONREAD`, and `TCGETS` and `TIOCGWINSZ`: whether something can be read
/// without waiting, and what a terminal is like. The C libraries differ in their type.
const DEVICE_CONTROLS: [u32; 5] = [0x5451, 0x5421, 0x541b, 0x5401, 0x5413];

/// Names of threads and, `PR_SET_VMA`, of memory.
const PROCESS_CONTROLS: [u32; 3] = [bits(PR_GET_NAME), bits(PR_SET_NAME), 0x5356_4d41];

/// Calls that may be made in any way.
pub(super) const ALLOWED: &[c_long] = &[
    libc::SYS_bind,
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_dup,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mkdirat,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// The same under the names that newer architectures do without.
#[cfg(target_arch = "x86_64")]
pub(super) const ALLOWED_OF_OLD: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
/// The same under the names that newer architectures do without.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const ALLOWED_OF_OLD: &[c_long] = &[];

/// Calls that no agent and no C library ever makes on its behalf. Whoever makes one has taken it over.
pub(super) const NEVER: &[c_long] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_capset,
    libc::SYS_chroot,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_listen,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_mknodat,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_personality,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_settimeofday,
    libc::SYS_setuid,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// The same under names of older architectures.
#[cfg(target_arch = "x86_64")]
pub(super) const NEVER_OF_OLD: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_mknod,
    libc::SYS_modify_ldt,
    libc::SYS_vfork,
];
/// The same under names of older architectures.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const NEVER_OF_OLD: &[c_long] = &[];
