//! Sending in batches from one arena: GSO for runs to one address, `sendmmsg` for all of it.

use super::address::RawAddress;
use super::socket::UdpSocket;
use crate::counter::{Counter, Ledger};
use ahash::AHashMap;
use std::os::fd::RawFd;

// A run must fit a UDP datagram's length field.
const LONGEST_RUN: usize = 64_000;
const MOST_SEGMENTS: u16 = 64;
const MESSAGES: usize = 128;
// Small enough to stay in a core's second-level cache.
const ARENA: usize = 384 * 1024;
const CONTROL: usize = 24;
/// How long a full socket buffer may hold up the loop, per flush.
const PATIENCE_MS: i32 = 2;

/// The kernel refused datagrams to an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub owner: usize,
    pub errno: i32,
}

/// One message of a flush: a datagram, or a run of equal ones.
#[derive(Clone, Copy)]
struct Message {
    socket: u32,
    owner: usize,
    start: usize,
    len: usize,
    /// Length of every segment but the last, which may be shorter.
    segment: usize,
    segments: u16,
    closed: bool,
}

/// Collects protected datagrams and sends them.
pub struct Outbox {
    arena: Vec<u8>,
    used: usize,
    messages: Vec<Message>,
    addresses: Vec<RawAddress>,
    vectors: Vec<libc::iovec>,
    controls: Vec<[u64; CONTROL / 8]>,
    headers: Vec<libc::mmsghdr>,
    failures: Vec<Failure>,
}

// SAFETY: the raw pointers inside are rebuilt by every flush, from the outbox's own buffers.
unsafe impl Send for Outbox {}

impl Default for Outbox {
    fn default() -> Self {
        // SAFETY: all zeros is a valid mmsghdr and iovec.
        let (header, vector) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            arena: vec![0; ARENA],
            used: 0,
            messages: Vec::with_capacity(MESSAGES),
            addresses: Vec::with_capacity(MESSAGES),
            vectors: vec![vector; MESSAGES],
            controls: vec![[0; CONTROL / 8]; MESSAGES],
            headers: vec![header; MESSAGES],
            failures: Vec::with_capacity(MESSAGES),
        }
    }
}

impl Outbox {
    /// Whether a datagram of `len` bytes needs a flush first.
    #[inline]
    pub fn is_full(&self, len: usize) -> bool {
        self.used + len > ARENA || self.messages.len() == MESSAGES
    }

    /// The place for the next datagram.
    #[inline]
    pub fn space(&mut self, len: usize) -> &mut [u8] {
        &mut self.arena[self.used..self.used + len]
    }

    /// Send the first `len` bytes of `space` to `address`; `owner` is told of failures.
    #[inline]
    pub fn commit(
        &mut self,
        socket: u32,
        address: &RawAddress,
        owner: usize,
        len: usize,
        gso: bool,
    ) {
        let start = self.used;
        self.used += len;
        if gso && self.extend(socket, owner, len) {
            return;
        }
        self.messages.push(Message {
            socket,
            owner,
            start,
            len,
            segment: len,
            segments: 1,
            closed: false,
        });
        self.addresses.push(*address);
    }

    // An owner has one address at a time, and a change of it flushes first.
    fn extend(&mut self, socket: u32, owner: usize, len: usize) -> bool {
        let Some(last) = self.messages.last_mut() else {
            return false;
        };
        let same = last.socket == socket && last.owner == owner && owner != usize::MAX;
        if !same
            || last.closed
            || len > last.segment
            || last.segments == MOST_SEGMENTS
            || last.len + len > LONGEST_RUN
        {
            return false;
        }
        last.len += len;
        last.segments += 1;
        last.closed = len < last.segment;
        true
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Send everything; failures wait in `take_failures`.
    pub fn flush(&mut self, sockets: &mut AHashMap<u32, UdpSocket>, ledger: &mut Ledger) {
        let mut at = 0;
        while at < self.messages.len() {
            let number = self.messages[at].socket;
            let same = |message: &&Message| message.socket == number;
            let end = at + self.messages[at..].iter().take_while(same).count();
            match sockets.get_mut(&number) {
                Some(socket) => self.send_range(at, end, socket, ledger),
                None => ledger.add(Counter::DroppedNoPath, self.segments(at, end)),
            }
            at = end;
        }
        self.messages.clear();
        self.addresses.clear();
        self.used = 0;
    }

    /// Who had failures since the last call.
    pub fn take_failures(&mut self) -> impl Iterator<Item = Failure> + '_ {
        self.failures.drain(..)
    }

    fn failed(&mut self, owner: usize, errno: i32) {
        if self.failures.len() < MESSAGES {
            self.failures.push(Failure { owner, errno });
        }
    }

    fn segments(&self, at: usize, end: usize) -> u64 {
        self.messages[at..end].iter().map(|message| u64::from(message.segments)).sum()
    }

    fn send_range(
        &mut self,
        mut at: usize,
        end: usize,
        socket: &mut UdpSocket,
        ledger: &mut Ledger,
    ) {
        self.prepare(at, end);
        let mut patience = PATIENCE_MS;
        while at < end {
            ledger.one(Counter::SendCalls);
            match self.send_some(at, end, socket.fd()) {
                Ok(count) => {
                    self.count_sent(at, at + count, ledger);
                    at += count;
                }
                Err(libc::EINTR) => {}
                Err(libc::EAGAIN | libc::ENOBUFS) if patience > 0 => {
                    wait_writable(socket.fd());
                    patience -= 1;
                }
                Err(libc::EAGAIN | libc::ENOBUFS) => {
                    ledger.add(Counter::DroppedSendBlocked, self.segments(at, end));
                    return;
                }
                Err(errno) => {
                    self.refused(at, errno, socket, ledger);
                    at += 1;
                }
            }
        }
    }

    fn refused(&mut self, at: usize, errno: i32, socket: &mut UdpSocket, ledger: &mut Ledger) {
        let message = self.messages[at];
        if message.segments > 1 && matches!(errno, libc::EIO | libc::EINVAL | libc::EMSGSIZE) {
            ledger.one(Counter::GsoFallbacks);
            // EIO: the device can't check-sum segments, so it never will.
            socket.gso &= errno != libc::EIO;
            self.send_segments(at, socket.fd(), ledger);
            return;
        }
        ledger.add(Counter::DroppedSendFailed, message.segments.into());
        self.failed(message.owner, errno);
    }

    fn send_segments(&mut self, at: usize, fd: RawFd, ledger: &mut Ledger) {
        let message = self.messages[at];
        let address = self.addresses[at];
        for start in (0..message.len).step_by(message.segment) {
            let end = (start + message.segment).min(message.len);
            let segment = &self.arena[message.start + start..message.start + end];
            // SAFETY: pointer and length are those of `segment` and `address`.
            let sent = unsafe {
                libc::sendto(
                    fd,
                    segment.as_ptr().cast(),
                    segment.len(),
                    libc::MSG_DONTWAIT,
                    (&raw const address).cast(),
                    address.len(),
                )
            };
            if sent >= 0 {
                ledger.one(Counter::DatagramsSent);
                ledger.add(Counter::BytesSent, sent as u64);
            } else {
                ledger.one(Counter::DroppedSendFailed);
                let errno = last_errno();
                self.failed(message.owner, errno);
            }
        }
    }

    fn count_sent(&self, at: usize, end: usize, ledger: &mut Ledger) {
        for message in &self.messages[at..end] {
            ledger.add(Counter::DatagramsSent, message.segments.into());
            ledger.add(Counter::BytesSent, message.len as u64);
            ledger.add(Counter::GsoRuns, u64::from(message.segments > 1));
        }
    }

    fn prepare(&mut self, at: usize, end: usize) {
        for index in at..end {
            let message = self.messages[index];
            self.vectors[index] = libc::iovec {
                iov_base: self.arena[message.start..].as_mut_ptr().cast(),
                iov_len: message.len,
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.addresses[index]).cast();
            header.msg_namelen = self.addresses[index].len();
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = std::ptr::null_mut();
            header.msg_controllen = 0;
            if message.segments > 1 {
                let control = &mut self.controls[index];
                set_segment(control, message.segment as u16);
                header.msg_control = control.as_mut_ptr().cast();
                header.msg_controllen = CONTROL as _;
            }
        }
    }

    fn send_some(&mut self, at: usize, end: usize, fd: RawFd) -> Result<usize, i32> {
        let headers = &mut self.headers[at..end];
        // SAFETY: `prepare` filled these headers with pointers into buffers of `self`.
        let count = unsafe {
            libc::sendmmsg(fd, headers.as_mut_ptr(), headers.len() as u32, libc::MSG_DONTWAIT)
        };
        if count > 0 { Ok(count as usize) } else { Err(last_errno()) }
    }
}

// A cmsghdr (length, level, type) with a u16, padded to eight bytes.
fn set_segment(control: &mut [u64; CONTROL / 8], segment: u16) {
    // 16 bytes of header and the two of the segment size.
    control[0] = 18;
    let [a, b, c, d] = libc::SOL_UDP.to_ne_bytes();
    let [e, f, g, h] = libc::UDP_SEGMENT.to_ne_bytes();
    control[1] = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    let [low, high] = segment.to_ne_bytes();
    control[2] = u64::from_ne_bytes([low, high, 0, 0, 0, 0, 0, 0]);
}

fn wait_writable(fd: RawFd) {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd, alive during the call.
    unsafe { libc::poll(&raw mut poll, 1, 1) };
}

fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
