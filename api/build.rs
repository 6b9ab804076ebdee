//! Makes the image's program smaller: without what only unwinding reads, which `agent/no-unwinding.ld`
//! explains, and with its relocations packed, which its own C library understands.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=../agent/no-unwinding.ld");
    let value = |name: &str| env::var(name).unwrap_or_default();
    // A build script is not told the profile. `image`, which aborts on a panic, is the one that
    // optimises this crate for size; tests and other profiles unwind.
    if value("OPT_LEVEL") == "z" && value("CARGO_CFG_TARGET_OS") == "linux" {
        let script = format!("{}/../agent/no-unwinding.ld", value("CARGO_MANIFEST_DIR"));
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{script}");
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
