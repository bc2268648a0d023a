//! The two families of transforms behind one interface, working in place.

use super::derive::{Label, derive};
use super::profile::Profile;
use super::wiped::Wiped;
use crate::prefetch::prefetch_all;
use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipherCoreWrapper};
use aes::cipher::{StreamCipher, generic_array::GenericArray};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use ring::aead;
use sha1::Sha1;
use zeroize::Zeroizing;

/// Keys of one direction for either RTP or RTCP.
pub enum Cipher {
    Gcm(Wiped<Gcm>),
    Counter(Wiped<Counter>),
}

/// AES-GCM (RFC 7714).
pub struct Gcm {
    key: aead::LessSafeKey,
    salt: [u8; 12],
}

/// AES counter mode with HMAC-SHA1-80 (RFC 3711).
pub struct Counter {
    key: Aes128,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
}

/// Which of the two key sets to derive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Rtp,
    Rtcp,
}

impl Cipher {
    /// Fetch it, to be used soon.
    #[inline]
    pub fn prefetch(&self) {
        match self {
            Self::Gcm(gcm) => prefetch_all(&**gcm),
            Self::Counter(counter) => prefetch_all(&**counter),
        }
    }

    /// Derive session keys; `master` and `salt` have the profile's lengths.
    pub fn new(profile: Profile, master: &[u8], salt: &[u8], purpose: Use) -> Self {
        let [key, mac, session_salt] = match purpose {
            Use::Rtp => [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt],
            Use::Rtcp => [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt],
        };
        let key = derive(master, salt, key, profile.key_len());
        let session_salt = derive(master, salt, session_salt, profile.salt_len());
        match profile {
            Profile::AeadAes128Gcm => gcm(&aead::AES_128_GCM, &key, &session_salt),
            Profile::AeadAes256Gcm => gcm(&aead::AES_256_GCM, &key, &session_salt),
            Profile::AesCm128HmacSha1 => {
                counter(&key, &session_salt, &derive(master, salt, mac, 20))
            }
        }
    }
}

fn gcm(algorithm: &'static aead::Algorithm, key: &[u8], salt: &[u8]) -> Cipher {
    // A key of the algorithm's own length is never refused.
    let key = aead::UnboundKey::new(algorithm, key).expect("key of the profile's length");
    let mut bytes = [0; 12];
    bytes.copy_from_slice(salt);
    Cipher::Gcm(Wiped::new(Gcm { key: aead::LessSafeKey::new(key), salt: bytes }))
}

fn counter(key: &[u8], salt: &Zeroizing<Vec<u8>>, mac: &[u8]) -> Cipher {
    let mut bytes = [0; 14];
    bytes.copy_from_slice(salt);
    Cipher::Counter(Wiped::new(Counter {
        key: Aes128::new(GenericArray::from_slice(key)),
        salt: bytes,
        mac: <Hmac<Sha1> as Mac>::new_from_slice(mac).expect("HMAC takes keys of any length"),
    }))
}

impl Gcm {
    /// Encrypt `body` in place; return the tag.
    #[inline]
    pub fn seal(&self, ssrc: u32, index: u64, aad: &[u8], body: &mut [u8]) -> [u8; 16] {
        let mut out = [0; 16];
        // Only bodies beyond 64 GiB are refused.
        if let Ok(tag) =
            self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), aead::Aad::from(aad), body)
        {
            out.copy_from_slice(tag.as_ref());
        }
        out
    }

    /// Decrypt `body` (ciphertext and tag) in place; false when it isn't authentic.
    #[inline]
    pub fn open(&self, ssrc: u32, index: u64, aad: &[u8], body: &mut [u8]) -> bool {
        self.key.open_in_place(self.nonce(ssrc, index), aead::Aad::from(aad), body).is_ok()
    }

    // RTP: 0 | SSRC | ROC | SEQ; RTCP: 0 | SSRC | 0 | index; the same bytes, as an SRTCP index
    // has 31 bits and an RTP index 48.
    fn nonce(&self, ssrc: u32, index: u64) -> aead::Nonce {
        let mut nonce = self.salt;
        for (byte, with) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= with;
        }
        for (byte, with) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= with;
        }
        aead::Nonce::assume_unique_for_key(nonce)
    }
}

impl Counter {
    /// Encrypt or decrypt `body` in place.
    #[inline]
    pub fn apply(&self, ssrc: u32, index: u64, body: &mut [u8]) {
        let mut iv = [0u8; 16];
        iv[..14].copy_from_slice(&self.salt);
        for (byte, with) in iv[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= with;
        }
        for (byte, with) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= with;
        }
        let core = CtrCore::<&Aes128, flavors::Ctr128BE>::inner_iv_init(
            &self.key,
            GenericArray::from_slice(&iv),
        );
        StreamCipherCoreWrapper::from_core(core).apply_keystream(body);
    }

    /// The 80-bit tag over `packet` and the 32 bits that follow it on paper.
    #[inline]
    pub fn tag(&self, packet: &[u8], trailer: u32) -> [u8; 10] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(&trailer.to_be_bytes());
        let mut tag = [0; 10];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..10]);
        tag
    }

    /// Whether `tag` is the right one, in constant time.
    #[inline]
    pub fn verify(&self, packet: &[u8], trailer: u32, tag: &[u8]) -> bool {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(&trailer.to_be_bytes());
        mac.verify_truncated_left(tag).is_ok()
    }
}
