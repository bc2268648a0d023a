//! Checks of what Python hands over: each gives the validated value or ValueError.

use crate::instruction::{KeyPair, Path, TransportId};
use crate::srtp::{Keys, Profile};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ring::digest;
use std::net::{IpAddr, SocketAddr};

/// A ValueError.
pub fn invalid(message: &str) -> PyErr {
    PyValueError::new_err(message.to_owned())
}

/// A number that must not be negative.
pub fn natural(name: &str, value: i64) -> PyResult<u64> {
    u64::try_from(value).map_err(|_| invalid(&format!("{name} must not be negative")))
}

/// A transport's number.
pub fn id(value: i64) -> PyResult<TransportId> {
    natural("transport", value)
}

/// An SSRC.
pub fn ssrc(value: i64) -> PyResult<u32> {
    u32::try_from(value).map_err(|_| invalid("an SSRC has 32 bits"))
}

/// An ICE user fragment or password.
pub fn credential<'a>(name: &str, value: &'a str) -> PyResult<&'a str> {
    if value.is_empty() || value.len() > 256 {
        return Err(invalid(&format!("{name} must have 1..256 characters")));
    }
    Ok(value)
}

/// A copy of bytes whose number is bounded.
pub fn bytes(data: &[u8], least: usize, most: usize) -> PyResult<Vec<u8>> {
    if !(least..=most).contains(&data.len()) {
        return Err(invalid(&format!("data must have {least}..{most} bytes")));
    }
    Ok(data.to_vec())
}

/// A remote address seen from a socket.
pub fn path(socket: i64, address: &str, port: i64) -> PyResult<Path> {
    let socket = u32::try_from(socket).map_err(|_| invalid("no such socket"))?;
    let peer = socket_address(address, port)?;
    if peer.port() == 0 {
        return Err(invalid("port must be 1..65535"));
    }
    Ok(Path { socket, peer })
}

/// A socket address from an IP address in text and a port.
pub fn socket_address(address: &str, port: i64) -> PyResult<SocketAddr> {
    let ip: IpAddr = address.parse().map_err(|_| invalid("address must be an IP address"))?;
    let port = u16::try_from(port).map_err(|_| invalid("port must be 0..65535"))?;
    Ok(SocketAddr::new(ip, port))
}

/// Session keys of both directions.
pub fn keys(profile: &str, receive: &[u8], send: &[u8]) -> PyResult<KeyPair> {
    let parsed = Profile::parse(profile).ok_or_else(|| invalid("unknown SRTP profile"))?;
    let wrong = |_| invalid("master key and salt don't have the profile's lengths");
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [profile.as_bytes(), receive, send] {
        context.update(part);
    }
    let mut all = [0; 32];
    all.copy_from_slice(context.finish().as_ref());
    Ok(KeyPair {
        receive: Keys::derive(parsed, receive).map_err(wrong)?,
        send: Keys::derive(parsed, send).map_err(wrong)?,
        digest: all,
    })
}
