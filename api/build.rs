//! Leaves out of the image's program what only unwinding reads; `agent/no-unwinding.ld` says why.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=../agent/no-unwinding.ld");
    let value = |name: &str| env::var(name).unwrap_or_default();
    // A build script is not told the profile. `image`, which aborts on a panic, is the one that
    // optimises this crate for size; tests and other profiles unwind.
    if value("OPT_LEVEL") == "s" && value("CARGO_CFG_TARGET_OS") == "linux" {
        let script = format!("{}/../agent/no-unwinding.ld", value("CARGO_MANIFEST_DIR"));
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{script}");
    }
}
