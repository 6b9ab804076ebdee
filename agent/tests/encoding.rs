//! What is compressed can be read by others, and is shorter.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use server_scout_agent::encoding::Encoder;

#[test]
fn what_does_not_pay_stays_plain() {
    let mut encoder = Encoder::new();
    assert!(encoder.gzip(&[b'a'; 100]).is_none(), "short");
    let noise: Vec<u8> = (0..1000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    assert!(encoder.gzip(&noise).is_none(), "noise");
    let packed = encoder.gzip(&vec![b'a'; 1_000_000]).unwrap();
    assert!(packed.len() < 2000);
    assert_eq!(unpack(&packed), vec![b'a'; 1_000_000]);
}

proptest! {
    #[test]
    fn every_body_comes_back(bodies in proptest::collection::vec("[a-e{}\",:0-9]{0,3000}", 1..5)) {
        // One encoder for all: nothing of one body may remain for the next.
        let mut encoder = Encoder::new();
        for body in bodies {
            if let Some(packed) = encoder.gzip(body.as_bytes()) {
                prop_assert!(packed.len() < body.len());
                prop_assert_eq!(unpack(&packed), body.as_bytes());
            }
        }
    }
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut body).unwrap();
    body
}
