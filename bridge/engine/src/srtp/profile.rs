//! The three protection profiles we speak, as DTLS-SRTP names them.

/// A protection profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    AeadAes128Gcm,
    AeadAes256Gcm,
    AesCm128HmacSha1,
}

impl Profile {
    /// The profile of this OpenSSL name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "SRTP_AEAD_AES_128_GCM" => Some(Self::AeadAes128Gcm),
            "SRTP_AEAD_AES_256_GCM" => Some(Self::AeadAes256Gcm),
            "SRTP_AES128_CM_SHA1_80" => Some(Self::AesCm128HmacSha1),
            _ => None,
        }
    }

    /// Length of the master (and session) key, bytes.
    pub fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1 => 16,
        }
    }

    /// Length of the master (and session) salt, bytes.
    pub fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Length of the authentication tag, bytes.
    pub fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }
}
