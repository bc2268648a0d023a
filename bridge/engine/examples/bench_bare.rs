//! The bare loop that the engine is measured against: receive a batch, unprotect, rewrite,
//! protect for every receiver, send. Nothing else: no table, no feedback, no clock.
//!
//! Arguments: the receivers' ports on 127.0.0.1. Prints its own port; when its input ends,
//! prints `{"cpu_ns": …, "sent": …}`.

use octoengine::net::{Batch, RawAddress, UdpSocket};
use octoengine::rtp::Header;
use octoengine::srtp::{Keys, MAX_OVERHEAD, Profile, Receiver};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;

const ROOM: usize = 2048;
const MESSAGES: usize = 64 * 9;

/// The keys of peer `number`: 0 is the sender, receivers count from 1.
fn keys(number: u8) -> Keys {
    let material: Vec<u8> = (0..28).map(|byte| byte ^ number.wrapping_mul(37)).collect();
    Keys::derive(Profile::AeadAes128Gcm, &material).expect("28 bytes are a key and a salt")
}

struct Out {
    buffers: Vec<u8>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    used: usize,
}

impl Out {
    fn new() -> Self {
        // SAFETY: all zeros are valid iovecs and mmsghdrs.
        let (vector, header) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let mut out = Self {
            buffers: vec![0; ROOM * MESSAGES],
            vectors: vec![vector; MESSAGES],
            headers: vec![header; MESSAGES],
            used: 0,
        };
        for at in 0..MESSAGES {
            out.vectors[at].iov_base = out.buffers[at * ROOM..].as_mut_ptr().cast();
            out.headers[at].msg_hdr.msg_iov = &raw mut out.vectors[at];
            out.headers[at].msg_hdr.msg_iovlen = 1;
        }
        out
    }

    fn push(
        &mut self,
        packet: &[u8],
        header: &Header,
        index: u64,
        keys: &Keys,
        to: &mut RawAddress,
    ) {
        let out = &mut self.buffers[self.used * ROOM..][..ROOM];
        out[..packet.len()].copy_from_slice(packet);
        Header::rewrite(out, header.ssrc, index as u16, header.timestamp);
        let room = packet.len() + MAX_OVERHEAD;
        let len = keys.protect_rtp(&mut out[..room], header.len, packet.len(), header.ssrc, index);
        self.vectors[self.used].iov_len = len;
        let message = &mut self.headers[self.used].msg_hdr;
        message.msg_name = std::ptr::from_mut(to).cast();
        message.msg_namelen = to.len();
        self.used += 1;
    }

    fn send(&mut self, fd: RawFd) -> u64 {
        let (mut at, end) = (0, std::mem::take(&mut self.used));
        while at < end {
            let headers = &mut self.headers[at..end];
            // SAFETY: the headers point into buffers and vectors of `self`, and to addresses
            // that outlive the call.
            let sent = unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), headers.len() as u32, 0) };
            assert!(sent > 0, "{}", std::io::Error::last_os_error());
            at += sent as usize;
        }
        end as u64
    }
}

fn main() {
    let ports = std::env::args().skip(1).map(|port| port.parse::<u16>().expect("a port"));
    let mut peers: Vec<(Keys, RawAddress)> = ports
        .enumerate()
        .map(|(at, port)| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            (keys(at as u8 + 1), RawAddress::from(address))
        })
        .collect();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), false).expect("a socket");
    println!("{}", socket.port().expect("a port"));
    std::thread::spawn(wait_for_end);
    let (mut receiver, mut batch, mut out) = (Receiver::new(keys(0)), Batch::default(), Out::new());
    loop {
        wait_readable(socket.fd());
        let count = batch.receive(socket.fd());
        for at in 0..count {
            let len = batch.len(at).expect("a whole packet");
            let packet = batch.data_mut(at, len);
            let header = Header::parse(packet).expect("RTP");
            let plain = receiver.rtp(packet, header.len, header.ssrc, header.sequence);
            let (len, index) = plain.expect("an authentic packet");
            for (keys, address) in &mut peers {
                out.push(batch.data(at, len), &header, index, keys, address);
            }
        }
        SENT.fetch_add(out.send(socket.fd()), std::sync::atomic::Ordering::Relaxed);
    }
}

static SENT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn wait_for_end() {
    // Whatever ends the input ends the run.
    let _ = std::io::stdin().read(&mut [0]);
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable during the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    let cpu_ns = time.tv_sec * 1_000_000_000 + time.tv_nsec;
    let sent = SENT.load(std::sync::atomic::Ordering::Relaxed);
    println!("{{\"cpu_ns\": {cpu_ns}, \"sent\": {sent}}}");
    std::process::exit(0);
}

fn wait_readable(fd: RawFd) {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, alive during the call.
    unsafe { libc::poll(&raw mut poll, 1, -1) };
}
