//! Named places at which a test can make the core fail. Nothing happens there until somebody sets a hook.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

/// Have `hook` called with the name of each place that is passed, from now on. Only the first one counts.
pub fn set(hook: fn(&'static str)) {
    let _ = HOOK.set(hook);
}

/// Pass the place `name`.
#[inline]
pub fn pass(name: &'static str) {
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}
