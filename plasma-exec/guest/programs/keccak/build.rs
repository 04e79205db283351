//! Links the program so that it runs in 4 MiB of memory, which is what the machines have that it is compared with.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none") {
        println!("cargo::rustc-link-arg=--defsym=_text_start=0x100000");
        println!("cargo::rustc-link-arg=--defsym=_memory_end=0x400000");
    }
}
