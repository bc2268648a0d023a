//! The only place that reads clocks.

/// CLOCK_MONOTONIC, nanoseconds.
pub fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME, nanoseconds since 1970: what the kernel stamps datagrams with.
pub fn wall_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// CPU time of the calling thread, nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Wall clock as a 32.32 NTP timestamp (RFC 5905).
pub fn ntp() -> u64 {
    const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;
    let unix = wall_ns();
    let seconds = unix / 1_000_000_000 + UNIX_EPOCH_IN_NTP;
    let fraction = ((unix % 1_000_000_000) << 32) / 1_000_000_000;
    (seconds << 32) | fraction
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, writable timespec for the length of the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
