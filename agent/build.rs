//! Leaves out of the shipped agent what only unwinding reads; `no-unwinding.ld` says why.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=no-unwinding.ld");
    let value = |name: &str| env::var(name).unwrap_or_default();
    // A build script is not told the panic strategy. The profile `agent`, which aborts, is the one
    // that optimises for size; tests and other profiles unwind.
    if value("OPT_LEVEL") == "z" && value("CARGO_CFG_TARGET_OS") == "linux" {
        let script = format!("{}/no-unwinding.ld", value("CARGO_MANIFEST_DIR"));
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{script}");
    }
}
