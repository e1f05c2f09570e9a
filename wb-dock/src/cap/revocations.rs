use wb_policy::Cap;

use super::Principal;

/// Takes capabilities back from guests that are running.
///
/// Asked on every call for a capability, before anything else is done for it: what
/// was revoked is refused from the next call on. Keep the answer at hand.
pub trait Revocations: Send + Sync {
    /// Whether `who` must no longer use `cap`.
    fn is_revoked(&self, who: &Principal<'_>, cap: Cap) -> bool;
}
