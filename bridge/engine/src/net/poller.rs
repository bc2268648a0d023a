//! epoll, eventfd and timerfd, each owned and closed on drop.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits for descriptors to become readable.
pub struct Poller(OwnedFd);

impl Poller {
    /// A new epoll instance.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers involved.
        Ok(Self(owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?))
    }

    /// Report `token` whenever `fd` is readable. Closing `fd` ends that.
    pub fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: `event` lives during the call.
        let result =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Wait until something is readable; put the tokens into `ready`.
    pub fn wait(&self, ready: &mut Vec<u64>) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: the kernel writes at most `events.len()` entries.
        let count = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), events.len() as i32, -1)
        };
        ready.clear();
        // Negative (EINTR): nothing is ready, the caller comes again.
        ready.extend(events.iter().take(count.max(0) as usize).map(|event| event.u64));
    }
}

/// A counter that wakes whoever watches it.
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A new, unset one.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers involved.
        Ok(Self(owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?))
    }

    /// The descriptor, for as long as `self` lives.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Make it readable.
    pub fn set(&self) {
        let one = 1u64;
        // SAFETY: eight bytes are read from `one`. A full counter is readable anyway.
        unsafe { libc::write(self.fd(), (&raw const one).cast(), 8) };
    }

    /// Make it unreadable.
    pub fn clear(&self) {
        drain(self.fd());
    }
}

/// A periodic timer.
pub struct Timer {
    fd: OwnedFd,
    period_ns: u64,
}

impl Timer {
    /// A stopped timer.
    pub fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no pointers involved.
        let fd = owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        Ok(Self { fd, period_ns: 0 })
    }

    /// The descriptor, for as long as `self` lives.
    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Fire every `period_ns`; 0 stops it.
    pub fn set(&mut self, period_ns: u64) {
        if period_ns == self.period_ns {
            return;
        }
        self.period_ns = period_ns;
        let time = libc::timespec {
            tv_sec: (period_ns / 1_000_000_000) as libc::time_t,
            tv_nsec: (period_ns % 1_000_000_000) as libc::c_long,
        };
        let setting = libc::itimerspec { it_interval: time, it_value: time };
        // SAFETY: `setting` lives during the call; no old value is asked for.
        unsafe { libc::timerfd_settime(self.fd(), 0, &raw const setting, std::ptr::null_mut()) };
    }

    /// Take note that it fired.
    pub fn clear(&self) {
        drain(self.fd());
    }
}

fn drain(fd: RawFd) {
    let mut value = 0u64;
    // SAFETY: at most eight bytes are written to `value`.
    unsafe { libc::read(fd, (&raw mut value).cast(), 8) };
}
