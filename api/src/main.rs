//! The program `server-scout`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server_scout::commands::main()
}
