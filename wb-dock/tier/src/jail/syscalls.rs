//! The system calls of a worker that runs guests: reading and writing what is open,
//! memory, waiting, time. No call that opens, connects, starts or names anything.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::refused::{NAMESPACES, REFUSED};

/// Allowed whatever their arguments are.
const PLAIN: &[libc::c_long] = &[
    // The wire.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // The engine's image of the initial memory of a module: a file without a name.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_pwrite64,
    // Waiting and time.
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_restart_syscall,
    // Traps of guests are signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // The engine's flush of pipelines after it made code.
    libc::SYS_membarrier,
    libc::SYS_getrandom,
    // Threads that are starting when the filter comes into force.
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The filter: everything that is not on the list fails with `EPERM`.
pub(super) fn filter() -> BpfProgram {
    let mut rules: BTreeMap<_, _> = PLAIN.iter().map(|call| (*call, Vec::new())).collect();
    // Code is written, then made executable, never both at a time.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let without =
            |flag: libc::c_int| rule(2, SeccompCmpOp::MaskedEq(u64::from(flag.unsigned_abs())), 0);
        let either = [libc::PROT_WRITE, libc::PROT_EXEC].map(without);
        rules.insert(call, either.to_vec());
    }
    let seals = [libc::F_ADD_SEALS, libc::F_GET_SEALS];
    let sealing = seals.map(|seal| rule(1, SeccompCmpOp::Eq, u64::from(seal.unsigned_abs())));
    rules.insert(libc::SYS_fcntl, sealing.to_vec());
    let name = rule(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64);
    rules.insert(libc::SYS_prctl, vec![name]);
    // Ending itself, when something is wrong beyond repair.
    let own = rule(0, SeccompCmpOp::Eq, u64::from(std::process::id()));
    rules.insert(libc::SYS_tgkill, vec![own]);
    SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        ARCH,
    )
    .and_then(TryInto::try_into)
    .expect("the list is fixed and well-formed")
}

/// Refused to native binaries in a process besides: the network, and leaving their
/// process group.
const NOT_NATIVE: [libc::c_long; 3] = [libc::SYS_socket, libc::SYS_setsid, libc::SYS_setpgid];

/// The filter of native binaries: what is on the lists fails with `EPERM`.
pub(super) fn native_filter() -> BpfProgram {
    let refused = REFUSED.iter().map(|(_, call)| *call).chain(NOT_NATIVE);
    let mut rules: BTreeMap<_, _> = refused.map(|call| (call, Vec::new())).collect();
    let namespaces = NAMESPACES.map(|flag| u64::from(flag.unsigned_abs()));
    let asks = |flag| rule(0, SeccompCmpOp::MaskedEq(flag), flag);
    rules.insert(libc::SYS_clone, namespaces.map(asks).to_vec());
    let listed: BpfProgram = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        ARCH,
    )
    .and_then(TryInto::try_into)
    .expect("the list is fixed and well-formed");
    before_the_list().into_iter().chain(listed).collect()
}

/// The first of the numbers by which a kernel with the x32 ABI knows its system calls
/// once more (`syscalls(2)`, `__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;

/// What a list of numbers cannot say: the calls of x32 fail with `EPERM`, and `clone3`
/// as on a kernel that has none. Jumps are relative, so it goes before any filter.
fn before_the_list() -> [sock_filter; 5] {
    let instruction = |code: u32, jt, jf, k| sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let fail = |error: libc::c_int| {
        let action = libc::SECCOMP_RET_ERRNO | error.unsigned_abs();
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, action)
    };
    let jump = libc::BPF_JMP | libc::BPF_K;
    // `seccomp_data` begins with the number.
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    [
        instruction(load, 0, 0, 0),
        instruction(jump | libc::BPF_JGE, 0, 1, X32),
        fail(libc::EPERM),
        instruction(jump | libc::BPF_JEQ, 0, 1, libc::SYS_clone3 as u32),
        fail(libc::ENOSYS),
    ]
}

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;
#[cfg(target_arch = "riscv64")]
const ARCH: TargetArch = TargetArch::riscv64;

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> SeccompRule {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .expect("an argument of a system call has a number below six")
}
