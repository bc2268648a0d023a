//! The bare loop that the engine is measured against: receive a batch, unprotect, rewrite,
//! protect for every receiver, send. Nothing else: no table, no feedback, no clock.
//!
//! Arguments: the receivers' ports on 127.0.0.1; or `--join ADDRESS CALLS RECEIVERS`: receivers
//! then say `join CALL NUMBER` in a datagram each before media flows, and the sender's SSRC is its
//! call's number. Prints its own port; when its input ends, prints `{"cpu_ns": …, "sent": …}`.

use octoengine::net::{Batch, RawAddress, UdpSocket};
use octoengine::rtp::Header;
use octoengine::srtp::{Keys, MAX_OVERHEAD, Profile, Receiver};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;

/// Calls that one loop serves at most.
const MOST_SENDERS: usize = 64;
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

type Call = Vec<(Keys, RawAddress)>;

/// One call whose receivers' ports are known.
fn given(ports: &[String]) -> (UdpSocket, Vec<Call>) {
    let peer = |(at, port): (usize, &String)| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().expect("a port")));
        (keys(at as u8 + 1), RawAddress::from(address))
    };
    let peers = ports.iter().enumerate().map(peer).collect();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), false).expect("a socket");
    println!("{}", socket.port().expect("a port"));
    (socket, vec![peers])
}

/// Calls whose receivers say where they are.
fn joined(arguments: &[String]) -> (UdpSocket, Vec<Call>) {
    let [address, calls, receivers] = arguments else { panic!("ADDRESS CALLS RECEIVERS") };
    let address: IpAddr = address.parse().expect("an IP address");
    let (calls, receivers): (usize, usize) =
        (calls.parse().expect("a number"), receivers.parse().expect("a number"));
    let door = std::net::UdpSocket::bind((address, 0)).expect("a socket");
    let port = door.local_addr().expect("an address").port();
    println!("{port}");
    let mut found: Vec<Call> = (0..calls).map(|_| Vec::new()).collect();
    let mut buffer = [0; 64];
    while found.iter().map(Vec::len).sum::<usize>() < calls * receivers {
        let (len, from) = door.recv_from(&mut buffer).expect("a datagram");
        let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        let ["join", call, number] = words[..] else { continue };
        let (call, number): (usize, u8) = (call.parse().unwrap(), number.parse().unwrap());
        found[call % calls].push((keys(number + 1), RawAddress::from(from)));
        door.send_to(b"joined", from).expect("a reply");
    }
    drop(door);
    (UdpSocket::bind((address, port).into(), false).expect("the same port"), found)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (socket, mut calls) = match arguments.first().map(String::as_str) {
        Some("--join") => joined(&arguments[1..]),
        _ => given(&arguments),
    };
    std::thread::spawn(wait_for_end);
    let (mut receiver, mut batch, mut out) =
        (Receiver::new(keys(0), MOST_SENDERS), Batch::default(), Out::new());
    loop {
        wait_readable(socket.fd());
        let count = batch.receive(socket.fd());
        for at in 0..count {
            let len = batch.len(at).expect("a whole packet");
            let packet = batch.data_mut(at, len);
            let header = Header::parse(packet).expect("RTP");
            let plain = receiver.rtp(packet, header.len, header.ssrc, header.sequence);
            let (len, index) = plain.expect("an authentic packet");
            let call = header.ssrc as usize % calls.len();
            for (keys, address) in &mut calls[call] {
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
