//! UDP sockets as the engine wants them: non-blocking, with large buffers, datagrams stamped.

use crate::backlog::Backlog;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

// At 180,000 packets a second this holds some 30 ms; of few people, seconds: see `Backlog`.
const BUFFER_BYTES: libc::c_int = 8 << 20;

/// A bound, non-blocking UDP socket; closed on drop.
pub struct UdpSocket {
    socket: Socket,
    /// Cleared when the kernel or the device turns out not to do UDP_SEGMENT.
    pub gso: bool,
    pub backlog: Backlog,
}

impl UdpSocket {
    /// Bind to `address`; port 0 takes any free one.
    pub fn bind(address: SocketAddr, gso: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        let socket = Self { socket, gso, backlog: Backlog::default() };
        socket.set(libc::SO_TIMESTAMPNS, 1)?;
        socket.enlarge(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF)?;
        socket.enlarge(libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)?;
        Ok(socket)
    }

    /// The port it is bound to.
    pub fn port(&self) -> io::Result<u16> {
        let address = self.socket.local_addr()?.as_socket();
        Ok(address.map_or(0, |address| address.port()))
    }

    /// The descriptor, for as long as `self` lives.
    #[inline]
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// What waits in its receive buffer, as a fraction of it, and what found no room so far.
    pub fn pressure(&self) -> (f64, u64) {
        // Indexes of SO_MEMINFO's numbers, from linux/sock_diag.h.
        const ALLOCATED: usize = 0;
        const LIMIT: usize = 1;
        const DROPS: usize = 8;
        let mut numbers = [0u32; 9];
        let mut len = size_of_val(&numbers) as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes to `numbers`.
        let result = unsafe {
            libc::getsockopt(
                self.fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                numbers.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        if result != 0 {
            return (0.0, 0);
        }
        let fill = f64::from(numbers[ALLOCATED]) / f64::from(numbers[LIMIT].max(1));
        (fill.min(1.0), numbers[DROPS].into())
    }

    // Beyond net.core.*mem_max only with CAP_NET_ADMIN; without it, as far as the limit lets us.
    fn enlarge(&self, forced: libc::c_int, plain: libc::c_int) -> io::Result<()> {
        if self.set(forced, BUFFER_BYTES).is_err() {
            self.set(plain, BUFFER_BYTES)?;
        }
        Ok(())
    }

    fn set(&self, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        // SAFETY: pointer and length describe `value`, alive during the call.
        let result = unsafe {
            libc::setsockopt(
                self.fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::UdpSocket;
    use std::net::{Ipv4Addr, UdpSocket as Plain};

    #[test]
    fn what_the_kernel_drops_is_seen() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), true).unwrap();
        assert_eq!(socket.pressure(), (0.0, 0));
        let sender = Plain::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        sender.connect((Ipv4Addr::LOCALHOST, socket.port().unwrap())).unwrap();
        for _ in 0..60_000 {
            sender.send(&[0; 1_400]).unwrap();
        }
        let (fill, drops) = socket.pressure();
        assert!(fill > 0.9 && drops > 0, "{fill} {drops}");
    }
}
