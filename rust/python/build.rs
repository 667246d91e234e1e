//! Hands the build's profile and target on to `build_info`.

use std::env;

fn main() {
    for name in ["PROFILE", "TARGET"] {
        let value = env::var(name).unwrap_or_default();
        println!("cargo::rustc-env=BUILD_{name}={value}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
