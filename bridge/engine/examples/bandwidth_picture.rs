//! Draws what the estimator makes of a simulated line: an SVG on standard output, the same each
//! time. `cargo run --no-default-features --example bandwidth_picture > bandwidth.svg`

#[path = "../tests/link/mod.rs"]
mod link;

fn main() {
    print!("{}", link::picture::draw());
}
