//! RTP: the header and its extensions, and what payloads tell of pictures.

pub mod extension;
mod facts;
pub mod h264;
mod header;
mod patch;
mod payload_types;
pub mod rtx;
pub mod vp8;
pub mod vp9;

pub use extension::{Extension, Extensions};
pub use facts::Facts;
pub use header::{Header, payload};
pub use patch::{Numbers, Patch};
pub use payload_types::{Codec, PayloadTypes};
