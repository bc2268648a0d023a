//! RTP: the header, and the little of VP8 that tells keyframes.

mod header;
pub mod vp8;

pub use header::{Header, payload};
