//! Session keys from a master key and salt (RFC 3711 §4.3, key derivation rate 0).

use aes::cipher::{BlockEncrypt, KeyInit, generic_array::GenericArray};
use aes::{Aes128, Aes256};
use zeroize::{Zeroize, Zeroizing};

/// What a derived key is for; the value is the RFC's label.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Derive `length` bytes (at most 64) for `label`. A 12-byte salt (GCM) is padded with zeros.
pub fn derive(master: &[u8], salt: &[u8], label: Label, length: usize) -> Zeroizing<Vec<u8>> {
    let mut block = [0u8; 16];
    block[..salt.len()].copy_from_slice(salt);
    block[7] ^= label as u8;
    let mut out = Zeroizing::new(Vec::with_capacity(64));
    for counter in 0..length.div_ceil(16) as u16 {
        block[14..].copy_from_slice(&counter.to_be_bytes());
        let mut stream = encrypt_block(master, block);
        let wanted = (length - out.len()).min(16);
        out.extend_from_slice(&stream[..wanted]);
        stream.zeroize();
    }
    block.zeroize();
    out
}

fn encrypt_block(key: &[u8], block: [u8; 16]) -> [u8; 16] {
    let mut data = GenericArray::from(block);
    match key.len() {
        32 => Aes256::new(GenericArray::from_slice(key)).encrypt_block(&mut data),
        _ => Aes128::new(GenericArray::from_slice(key)).encrypt_block(&mut data),
    }
    data.into()
}
