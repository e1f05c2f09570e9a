use std::fmt;

use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

/// The parameters of a function, as a tuple of Rust values.
///
/// | WIT | Rust |
/// |---|---|
/// | `bool`, `u8` to `u64`, `s8` to `s64`, `f32`, `f64`, `char` | `bool`, `u8` to `u64`, `i8` to `i64`, `f32`, `f64`, `char` |
/// | `string` | `&str`, `String` |
/// | `list<T>` | `&[T]`, `Vec<T>` |
/// | `option<T>`, `result<T, E>`, `tuple<…>` | `Option<T>`, `Result<T, E>`, a tuple |
/// | `record`, `variant`, `enum`, `flags` | a type that derives wasmtime's `ComponentType` and `Lower` |
///
/// Nobody needs to implement it: each such tuple has it.
pub trait Params: ComponentNamedList + Lower + Send + Sync {}

impl<T: ComponentNamedList + Lower + Send + Sync> Params for T {}

/// What a function returns, as a tuple of one Rust value or of none; types as for
/// [`Params`], but owned, and deriving `Lift`.
pub trait Results: ComponentNamedList + Lift + Send + Sync + 'static {}

impl<T: ComponentNamedList + Lift + Send + Sync + 'static> Results for T {}

/// A function of one instance whose types have been compared already.
///
/// Looking a function up takes about as long as calling it; whoever calls it often
/// looks it up once.
pub struct TypedFunction<P, R> {
    pub(super) function: TypedFunc<P, R>,
    /// The instance it belongs to.
    pub(super) instance: u64,
}

impl<P, R> Clone for TypedFunction<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for TypedFunction<P, R> {}

impl<P, R> fmt::Debug for TypedFunction<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedFunction").finish_non_exhaustive()
    }
}
