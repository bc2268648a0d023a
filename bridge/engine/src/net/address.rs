//! Socket addresses in the kernel's form, small enough to copy per message.

use std::mem::size_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A `sockaddr_in` or `sockaddr_in6`.
#[derive(Clone, Copy)]
#[repr(C)]
pub union RawAddress {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl RawAddress {
    /// Nothing yet: to be filled by the kernel.
    pub const fn empty() -> Self {
        // SAFETY: all zeros is a valid sockaddr_in6 (family 0: unspecified).
        unsafe { std::mem::zeroed() }
    }

    /// Length the kernel wants to know.
    pub fn len(&self) -> libc::socklen_t {
        let len = match i32::from(self.family()) {
            libc::AF_INET => size_of::<libc::sockaddr_in>(),
            _ => size_of::<libc::sockaddr_in6>(),
        };
        len as libc::socklen_t
    }

    /// Whether the family is unset.
    pub fn is_empty(&self) -> bool {
        self.family() == 0
    }

    /// The address; `None` for a family we never use.
    #[inline]
    pub fn get(&self) -> Option<SocketAddr> {
        match i32::from(self.family()) {
            libc::AF_INET => {
                // SAFETY: the family says that this variant is the one written.
                let raw = unsafe { self.v4 };
                let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let raw = unsafe { self.v6 };
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                Some(SocketAddrV6::new(ip, u16::from_be(raw.sin6_port), 0, 0).into())
            }
            _ => None,
        }
    }

    fn family(&self) -> libc::sa_family_t {
        // SAFETY: both variants start with the family, and zero is a valid one.
        unsafe { self.v4.sin_family }
    }
}

impl From<SocketAddr> for RawAddress {
    fn from(address: SocketAddr) -> Self {
        let mut raw = Self::empty();
        match address {
            SocketAddr::V4(v4) => {
                raw.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                    sin_zero: [0; 8],
                };
            }
            SocketAddr::V6(v6) => {
                raw.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
            }
        }
        raw
    }
}

#[cfg(test)]
mod tests {
    use super::RawAddress;
    use std::net::SocketAddr;

    #[test]
    fn both_families_come_back() {
        for text in ["192.0.2.1:10000", "[2001:db8::1]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(RawAddress::from(address).get(), Some(address));
        }
        assert_eq!(RawAddress::empty().get(), None);
    }
}
