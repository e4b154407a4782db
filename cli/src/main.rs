//! The `usher` binary.

fn main() -> std::process::ExitCode {
    usher_cli::main()
}
