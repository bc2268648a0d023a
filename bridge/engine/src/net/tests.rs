//! Sending and receiving through the kernel, on loopback.

use super::{BATCH, Batch, Outbox, RawAddress, UdpSocket};
use crate::counter::{Counter, Ledger};
use ahash::AHashMap;
use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

struct Wire {
    sockets: AHashMap<u32, UdpSocket>,
    receiver: UdpSocket,
    to: RawAddress,
    outbox: Outbox,
    ledger: Ledger,
}

fn wire() -> Wire {
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), true).unwrap();
    let receiver = bind();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, receiver.port().unwrap()));
    Wire {
        sockets: AHashMap::from_iter([(1, bind())]),
        receiver,
        to: RawAddress::from(to),
        outbox: Outbox::default(),
        ledger: Ledger::default(),
    }
}

impl Wire {
    fn push(&mut self, owner: usize, data: &[u8]) {
        if self.outbox.is_full(data.len()) {
            self.flush();
        }
        self.outbox.space(data.len()).copy_from_slice(data);
        let gso = self.sockets[&1].gso;
        self.outbox.commit(1, &self.to, owner, data.len(), gso);
    }

    fn flush(&mut self) {
        self.outbox.flush(&mut self.sockets, &mut self.ledger);
    }

    fn received(&self) -> Vec<Vec<u8>> {
        let (mut batch, mut all) = (Batch::default(), Vec::new());
        loop {
            let count = batch.receive(self.receiver.fd());
            all.extend((0..count).map(|at| batch.data(at, batch.len(at).unwrap()).to_vec()));
            if count < BATCH {
                return all;
            }
        }
    }
}

fn datagrams(sizes: &[usize]) -> Vec<Vec<u8>> {
    sizes.iter().enumerate().map(|(at, &size)| vec![at as u8; size]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Unequal sizes in one run would corrupt packets; whatever the sizes, all arrive whole.
    #[test]
    fn runs_arrive_as_the_datagrams_they_were(
        sizes in proptest::collection::vec((1usize..1_400, 1usize..80), 1..12),
        owners in 1usize..4,
    ) {
        let sizes: Vec<usize> =
            sizes.iter().flat_map(|&(size, times)| std::iter::repeat_n(size, times)).collect();
        let (mut wire, sent) = (wire(), datagrams(&sizes));
        for (at, data) in sent.iter().enumerate() {
            wire.push(at * owners / sent.len(), data);
        }
        wire.flush();
        prop_assert_eq!(wire.received(), sent);
        prop_assert_eq!(wire.ledger.get(Counter::DatagramsSent), sizes.len() as u64);
    }
}

#[test]
fn equal_datagrams_share_a_run() {
    let mut wire = wire();
    for data in datagrams(&[1_100, 1_100, 1_100, 700, 1_100]) {
        wire.push(3, &data);
    }
    wire.flush();
    assert_eq!(wire.received().len(), 5);
    assert_eq!(wire.ledger.get(Counter::GsoRuns), 1);
    assert_eq!(wire.ledger.get(Counter::SendCalls), 1);
}

#[test]
fn a_refused_run_is_sent_in_pieces() {
    let mut wire = wire();
    let (fd, one) = (wire.sockets[&1].fd().as_raw_fd(), 1i32);
    // Segments need checksums; a socket without them is refused runs.
    // SAFETY: pointer and length describe `one`.
    let result = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_NO_CHECK, (&raw const one).cast(), 4)
    };
    assert_eq!(result, 0);
    let sent = datagrams(&[900, 900, 900, 100]);
    for data in &sent {
        wire.push(3, data);
    }
    wire.flush();
    assert_eq!(wire.received(), sent);
    assert_eq!(wire.ledger.get(Counter::GsoFallbacks), 1);
    assert_eq!(wire.ledger.get(Counter::DatagramsSent), 4);
    assert_eq!(wire.outbox.take_failures().count(), 0);
}

#[test]
fn a_refused_datagram_holds_up_no_other() {
    let mut wire = wire();
    let good = wire.to;
    wire.push(1, b"first");
    wire.to = RawAddress::from(SocketAddr::from((Ipv4Addr::BROADCAST, 9)));
    wire.push(2, b"refused");
    wire.to = good;
    wire.push(3, b"last");
    wire.flush();
    assert_eq!(wire.received(), [b"first".to_vec(), b"last".to_vec()]);
    let failures: Vec<_> = wire.outbox.take_failures().collect();
    assert_eq!(failures.iter().map(|failure| failure.owner).collect::<Vec<_>>(), [2]);
    assert_eq!(wire.ledger.get(Counter::DroppedSendFailed), 1);
}

#[test]
fn datagrams_beyond_a_buffer_are_told_apart() {
    let wire = wire();
    let plain = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    plain.send_to(&[1; 5_000], wire.to.get().unwrap()).unwrap();
    plain.send_to(&[2; 50], wire.to.get().unwrap()).unwrap();
    let mut batch = Batch::default();
    assert_eq!(batch.receive(wire.receiver.fd()), 2);
    assert_eq!((batch.len(0), batch.len(1)), (None, Some(50)));
    assert_eq!(batch.address(1).get(), Some(plain.local_addr().unwrap()));
}

#[test]
fn every_datagram_tells_how_long_it_waited() {
    const MOMENT: Duration = Duration::from_millis(30);
    let waits = || {
        let (mut wire, began) = (wire(), Instant::now());
        // One goes alone, the others as one run.
        for (owner, len) in [(1, 400), (2, 900), (2, 900), (2, 100)] {
            wire.push(owner, &vec![0; len]);
        }
        wire.flush();
        std::thread::sleep(MOMENT);
        let mut batch = Batch::default();
        assert_eq!(batch.receive(wire.receiver.fd()), 4);
        let waited: Vec<_> = (0..4).map(|at| Duration::from_nanos(batch.waited_ns(at))).collect();
        assert!(waited.iter().all(|waited| *waited <= began.elapsed()), "{waited:?}");
        waited
    };
    // The first socket of a machine that asks for stamps gets them a moment later.
    let told = |waited: Vec<Duration>| waited.iter().all(|waited| *waited >= MOMENT);
    assert!((0..100).any(|_| told(waits())));
}

#[test]
fn nothing_is_known_of_a_datagram_without_a_stamp() {
    let mut batch = Batch::default();
    batch.put(b"made here", SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
    assert_eq!(batch.waited_ns(0), 0);
}
