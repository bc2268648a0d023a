//! The benchmark's load: one sender that has encrypted everything before it starts, and
//! receivers that check and count every packet.
//!
//! Arguments: seconds, packets a second, payload bytes, receivers, port to send from (0 = any).
//! Prints `sender receiver receiver …` ports; reads the server's port from its input; prints
//! `{"sent": …, "received": [per receiver]}` when done.

use octoengine::clock::monotonic_ns;
use octoengine::net::{BATCH, Batch, RawAddress, UdpSocket};
use octoengine::rtp::Header;
use octoengine::srtp::{Keys, MAX_OVERHEAD, Profile, Receiver};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const SSRC: u32 = 0x0c70_f1ee;
const BURST_NS: u64 = 2_000_000;
const STRAGGLERS_NS: u64 = 300_000_000;

/// The keys of peer `number`: 0 is the sender, receivers count from 1.
fn keys(number: u8) -> Keys {
    let material: Vec<u8> = (0..28).map(|byte| byte ^ number.wrapping_mul(37)).collect();
    Keys::derive(Profile::AeadAes128Gcm, &material).expect("28 bytes are a key and a salt")
}

fn encrypted(count: usize, payload: usize) -> Vec<Vec<u8>> {
    let keys = keys(0);
    let packet = |index: usize| {
        let mut packet = vec![0u8; 12 + payload + MAX_OVERHEAD];
        packet[..2].copy_from_slice(&[0x80, 100]);
        Header::rewrite(&mut packet, SSRC, index as u16, index as u32 * 90);
        let len = keys.protect_rtp(&mut packet, 12, 12 + payload, SSRC, index as u64);
        packet.truncate(len);
        packet
    };
    (1..=count).map(packet).collect()
}

fn bind(port: u16) -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port).into(), false).expect("a socket")
}

struct Counting {
    socket: UdpSocket,
    session: Receiver,
    received: u64,
}

impl Counting {
    fn drain(&mut self, batch: &mut Batch) {
        loop {
            let count = batch.receive(self.socket.fd());
            for at in 0..count {
                let Some(len) = batch.len(at) else { continue };
                let packet = batch.data_mut(at, len);
                let Some(header) = Header::parse(packet) else { continue };
                // RTCP, which a whole engine sends as well, isn't what is counted here.
                if (64..96).contains(&header.payload_type) {
                    continue;
                }
                let plain = self.session.rtp(packet, header.len, header.ssrc, header.sequence);
                self.received += u64::from(plain.is_ok());
            }
            if count < BATCH {
                return;
            }
        }
    }
}

fn send_burst(socket: &UdpSocket, server: &RawAddress, packets: &[Vec<u8>]) -> usize {
    let mut vectors: Vec<libc::iovec> = packets
        .iter()
        .map(|packet| libc::iovec {
            iov_base: packet.as_ptr().cast_mut().cast(),
            iov_len: packet.len(),
        })
        .collect();
    let header = |vector: &mut libc::iovec| {
        // SAFETY: all zeros is a valid mmsghdr.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_name = std::ptr::from_ref(server).cast_mut().cast();
        header.msg_hdr.msg_namelen = server.len();
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        header
    };
    let mut headers: Vec<libc::mmsghdr> = vectors.iter_mut().map(header).collect();
    // SAFETY: the headers point to vectors, packets and an address that outlive the call.
    let sent =
        unsafe { libc::sendmmsg(socket.fd(), headers.as_mut_ptr(), headers.len() as u32, 0) };
    sent.max(0) as usize
}

fn main() {
    let arguments: Vec<u64> =
        std::env::args().skip(1).map(|text| text.parse().expect("a number")).collect();
    let [seconds, rate, payload, receivers, port] = arguments[..] else {
        panic!("seconds, packets a second, payload bytes, receivers, port");
    };
    let packets = encrypted((seconds * rate) as usize, payload as usize);
    let sender = bind(port as u16);
    let mut peers: Vec<Counting> = (1..=receivers)
        .map(|at| Counting {
            socket: bind(0),
            session: Receiver::new(keys(at as u8), 1),
            received: 0,
        })
        .collect();
    let sockets = std::iter::once(&sender).chain(peers.iter().map(|peer| &peer.socket));
    let ports: Vec<String> = sockets.map(|socket| socket.port().unwrap().to_string()).collect();
    println!("{}", ports.join(" "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("the server's port");
    let server_port: u16 = line.trim().parse().expect("the server's port");
    let server = RawAddress::from(SocketAddr::from((Ipv4Addr::LOCALHOST, server_port)));
    let sent =
        run(&sender, &server, &packets, (rate * BURST_NS / 1_000_000_000) as usize, &mut peers);
    let received: Vec<String> = peers.iter().map(|peer| peer.received.to_string()).collect();
    println!("{{\"sent\": {sent}, \"received\": [{}]}}", received.join(", "));
}

fn run(
    sender: &UdpSocket,
    server: &RawAddress,
    packets: &[Vec<u8>],
    burst: usize,
    peers: &mut [Counting],
) -> usize {
    let (mut batch, mut sent) = (Batch::default(), 0);
    let mut due = monotonic_ns() + BURST_NS;
    for packets in packets.chunks(burst) {
        let wait = due.saturating_sub(monotonic_ns());
        std::thread::sleep(Duration::from_nanos(wait));
        sent += send_burst(sender, server, packets);
        due += BURST_NS;
        for peer in &mut *peers {
            peer.drain(&mut batch);
        }
    }
    let end = monotonic_ns() + STRAGGLERS_NS;
    while monotonic_ns() < end {
        std::thread::sleep(Duration::from_millis(5));
        for peer in &mut *peers {
            peer.drain(&mut batch);
        }
    }
    sent
}
