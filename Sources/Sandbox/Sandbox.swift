internal import CSeccomp
internal import Glibc
internal import Posix

/// Takes from the calling thread, and all that it starts, nearly every right to ask the kernel for something
/// (seccomp(2), by libseccomp). For a process of one thread that works on memory and talks through descriptors that are
/// open already.
///
/// Allowed: memory that is not executable, time, random numbers, locks, its own signals, reading and writing what is
/// open, ending. Opening and looking at files is refused with EACCES, since libraries try that and go on without;
/// whatever else is asked for kills the process with SIGSYS.
public enum Sandbox {
    /// Why there is no sandbox.
    public struct Fault: Error, Sendable, CustomStringConvertible {
        /// A sentence for people.
        public let description: String
    }

    private static let allowed = [
        // Memory; mmap and mprotect below.
        "brk", "munmap", "mremap", "madvise",
        // Locks, time, chance.
        "futex", "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom", "sched_yield", "restart_syscall",
        // Itself.
        "getpid", "gettid", "sched_getaffinity", "sysinfo", "getcpu", "rt_sigaction", "rt_sigprocmask",
        "rt_sigreturn", "sigaltstack", "exit", "exit_group",
        // What is open.
        "read", "write", "readv", "writev", "recvfrom", "recvmsg", "sendto", "sendmsg", "close", "lseek",
    ]
    // What libraries try and can do without: conversions' tables, locales, configuration, terminals.
    private static let refused = [
        "open", "openat", "openat2", "stat", "stat64", "lstat", "fstat", "fstat64", "newfstatat", "statx", "access",
        "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "ioctl", "prlimit64", "uname", "fcntl",
    ]

    /// Enters it, for good; no_new_privs is set with it (SCMP_FLTATR_CTL_NNP).
    public static func enter() throws(Fault) {
        // A kernel that cannot kill the process kills the thread, which is the same where there is one.
        guard let filter = seccomp_init(processKill) ?? seccomp_init(threadKill) else {
            throw Fault(description: "libseccomp has no memory for a filter")
        }
        defer { seccomp_release(filter) }
        for name in allowed { try add(filter, allow, name) }
        for name in refused { try add(filter, refuse(EACCES), name) }
        var protection = scmp_arg_cmp(arg: 2, op: SCMP_CMP_MASKED_EQ, datum_a: UInt64(PROT_EXEC), datum_b: 0)
        for name in ["mmap", "mmap2", "mprotect"] { try add(filter, allow, name, &protection) }
        let failure = seccomp_load(filter)
        guard failure == 0 else { throw fault("seccomp filter", -failure) }
    }

    private static let allow: UInt32 = 0x7FFF_0000
    private static let processKill: UInt32 = 0x8000_0000
    private static let threadKill: UInt32 = 0

    private static func refuse(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code) }

    /// A rule; a call that this architecture has not needs none.
    private static func add(
        _ filter: scmp_filter_ctx, _ action: UInt32, _ name: String,
        _ condition: UnsafeMutablePointer<scmp_arg_cmp>? = nil
    ) throws(Fault) {
        let number = seccomp_syscall_resolve_name(name)
        guard number >= 0 else { return }
        let failure = seccomp_rule_add_array(filter, action, number, condition == nil ? 0 : 1, condition)
        guard failure == 0 else { throw fault("rule for \(name)", -failure) }
    }

    private static func fault(_ what: String, _ code: Int32) -> Fault {
        Fault(
            description:
                "the decoder cannot be put into its sandbox (\(what): \(SystemError.text(code))); a service's unit "
                + "has to allow the system call seccomp, as the one that was installed does")
    }
}
