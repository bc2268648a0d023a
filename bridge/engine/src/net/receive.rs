//! Receiving in batches into buffers that stay.

use super::address::RawAddress;
use crate::clock;
use std::mem::size_of;
use std::os::fd::RawFd;

/// Datagrams a batch holds.
pub const BATCH: usize = 64;
/// Longest datagram taken: nothing of WebRTC is longer than an Ethernet frame.
const LONGEST: usize = 2048;

/// The level of a control message that the kernel didn't write.
const NOTHING: libc::c_int = -1;

/// What the kernel tells beside a datagram: when it arrived.
#[derive(Clone, Copy)]
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    arrived: libc::timespec,
}

/// Buffers for one `recvmmsg`, and what it left in them.
pub struct Batch {
    buffers: Vec<u8>,
    addresses: Vec<RawAddress>,
    vectors: Vec<libc::iovec>,
    controls: Vec<Control>,
    headers: Vec<libc::mmsghdr>,
    count: usize,
    /// The wall clock when they were received.
    wall_ns: u64,
}

// SAFETY: the raw pointers inside point only into the batch's own heap buffers.
unsafe impl Send for Batch {}

impl Default for Batch {
    fn default() -> Self {
        let mut batch = Self {
            buffers: vec![0; BATCH * LONGEST],
            addresses: vec![RawAddress::empty(); BATCH],
            vectors: Vec::with_capacity(BATCH),
            // SAFETY: all zeros is a valid control message.
            controls: vec![unsafe { std::mem::zeroed() }; BATCH],
            headers: Vec::with_capacity(BATCH),
            count: 0,
            wall_ns: 0,
        };
        for at in 0..BATCH {
            batch.vectors.push(libc::iovec {
                iov_base: batch.buffers[at * LONGEST..].as_mut_ptr().cast(),
                iov_len: LONGEST,
            });
        }
        for at in 0..BATCH {
            // SAFETY: all zeros is a valid mmsghdr.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = (&raw mut batch.addresses[at]).cast();
            header.msg_hdr.msg_iov = &raw mut batch.vectors[at];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut batch.controls[at]).cast();
            batch.headers.push(header);
        }
        batch
    }
}

impl Batch {
    /// Receive what waits on `fd`; return the number of datagrams.
    pub fn receive(&mut self, fd: RawFd) -> usize {
        for (header, control) in self.headers.iter_mut().zip(&mut self.controls) {
            control.header.cmsg_level = NOTHING;
            header.msg_hdr.msg_namelen = size_of::<RawAddress>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = size_of::<Control>() as _;
        }
        // SAFETY: the headers point to live buffers, addresses, vectors and controls owned by
        // `self`, none of which has been moved or resized since they were set up.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        self.count = count.max(0) as usize;
        self.wall_ns = clock::wall_ns();
        self.count
    }

    /// Stand in for `receive` with one datagram.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn put(&mut self, datagram: &[u8], from: std::net::SocketAddr) {
        let len = datagram.len().min(LONGEST);
        self.buffers[..len].copy_from_slice(&datagram[..len]);
        self.addresses[0] = RawAddress::from(from);
        self.headers[0].msg_len = len as u32;
        self.controls[0].header.cmsg_level = NOTHING;
        self.headers[0].msg_hdr.msg_flags = if len < datagram.len() { libc::MSG_TRUNC } else { 0 };
        self.count = 1;
    }

    /// Where datagram `at` came from.
    #[inline]
    pub fn address(&self, at: usize) -> &RawAddress {
        &self.addresses[at]
    }

    /// How long datagram `at` waited in the socket; 0 where the kernel doesn't tell.
    ///
    /// When the wall clock is set forward, what waits at that moment looks older than it is: the
    /// few datagrams between two batches.
    #[inline]
    pub fn waited_ns(&self, at: usize) -> u64 {
        let Control { header, arrived } = &self.controls[at];
        if (header.cmsg_level, header.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
            return 0;
        }
        let arrived_ns = arrived.tv_sec as u64 * 1_000_000_000 + arrived.tv_nsec as u64;
        self.wall_ns.saturating_sub(arrived_ns)
    }

    /// Length of datagram `at`; `None` when it was longer than a buffer.
    #[inline]
    pub fn len(&self, at: usize) -> Option<usize> {
        let header = &self.headers[at];
        let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        (!cut).then_some(header.msg_len as usize)
    }

    /// Whether the last `receive` got nothing.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first `len` bytes of datagram `at`.
    #[inline]
    pub fn data(&self, at: usize, len: usize) -> &[u8] {
        &self.buffers[at * LONGEST..][..len]
    }

    /// The first `len` bytes of datagram `at`, to be decrypted in place.
    #[inline]
    pub fn data_mut(&mut self, at: usize, len: usize) -> &mut [u8] {
        &mut self.buffers[at * LONGEST..][..len]
    }
}
