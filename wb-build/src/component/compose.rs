//! One component out of several: the exports of some are the imports of another.

use bytes::Bytes;
use wac_graph::types::{Package, SubtypeChecker};
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};

/// Why components do not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// Bytes that are no component.
    #[error("{which} is not a component: {message}")]
    NotAComponent {
        /// Which of them, in words.
        which: String,
        /// What is wrong with it.
        message: String,
    },
    /// A plug exports nothing that the socket, or a plug after it, imports.
    #[error(
        "plug {plug} exports nothing that the socket imports: it imports {}",
        list(imports)
    )]
    Unused {
        /// The number of the plug, from 1.
        plug: usize,
        /// What the socket imports beside WASI.
        imports: Vec<String>,
    },
    /// A name is exported and imported with different types.
    #[error("`{name}`: plug {plug} exports another type than the socket imports: {message}")]
    Mismatch {
        /// The name of the interface or function.
        name: String,
        /// The number of the plug, from 1.
        plug: usize,
        /// Where the types part.
        message: String,
    },
    /// The composed component cannot be written.
    #[error("the components cannot be composed: {0}")]
    Encode(String),
}

impl ComposeError {
    /// A stable word for programs, such as `compose/mismatch`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAComponent { .. } => "compose/not-a-component",
            Self::Unused { .. } => "compose/unused",
            Self::Mismatch { .. } => "compose/mismatch",
            Self::Encode(_) => "compose/encode",
        }
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}

/// Puts the exports of `plugs` where `socket` imports them.
///
/// The result exports what the socket exports, and imports what is left. A plug whose
/// name fits but whose types do not is an error, never passed over; so is one that
/// nobody uses. The same components give the same bytes.
///
/// # Errors
///
/// [`ComposeError::NotAComponent`], [`ComposeError::Mismatch`] and
/// [`ComposeError::Unused`] say which of them; [`ComposeError::Encode`] if they name
/// things that cannot be in one component.
///
/// # Examples
///
/// ```
/// let plug = wat::parse_str(r#"(component
///     (core module $m (func (export "seven") (result i32) i32.const 7))
///     (core instance $i (instantiate $m))
///     (func (export "seven") (result u32) (canon lift (core func $i "seven"))))"#)?;
/// let socket = wat::parse_str(r#"(component
///     (import "seven" (func $seven (result u32)))
///     (export "run" (func $seven)))"#)?;
/// let whole = wb_build::compose(&socket, &[&plug])?;
/// assert!(whole.starts_with(b"\0asm"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compose(socket: &[u8], plugs: &[&[u8]]) -> Result<Bytes, ComposeError> {
    let mut graph = CompositionGraph::new();
    let socket = register(&mut graph, "socket", "the socket", socket)?;
    let plugs = plugs
        .iter()
        .enumerate()
        .map(|(n, plug)| {
            let n = n + 1;
            register(&mut graph, &format!("plug{n}"), &format!("plug {n}"), plug)
        })
        .collect::<Result<Vec<_>, _>>()?;
    for (n, plug) in plugs.iter().enumerate() {
        check(&graph, socket, *plug, n + 1)?;
    }
    wac_graph::plug(&mut graph, plugs, socket).map_err(refused)?;
    let options = EncodeOptions {
        define_components: true,
        validate: true,
        ..EncodeOptions::default()
    };
    graph.encode(options).map(Bytes::from).map_err(refused)
}

fn register(
    graph: &mut CompositionGraph,
    name: &str,
    which: &str,
    component: &[u8],
) -> Result<PackageId, ComposeError> {
    let refused = |message: String| ComposeError::NotAComponent {
        which: which.to_owned(),
        message,
    };
    let name = format!("wb:{name}");
    let package = Package::from_bytes(&name, None, component, graph.types_mut())
        .map_err(|error| refused(line(&format!("{error:#}"))))?;
    graph
        .register_package(package)
        .map_err(|error| refused(line(&error.to_string())))
}

/// The composition itself passes over what does not fit: this tells it.
fn check(
    graph: &CompositionGraph,
    socket: PackageId,
    plug: PackageId,
    number: usize,
) -> Result<(), ComposeError> {
    let types = graph.types();
    let imports = &types[graph[socket].ty()].imports;
    let mut used = false;
    for (name, exported) in &types[graph[plug].ty()].exports {
        let Some(imported) = imports.get(name) else {
            continue;
        };
        #[expect(
            clippy::default_trait_access,
            reason = "a hash set, which is not to be named here"
        )]
        let mut cache = Default::default();
        SubtypeChecker::new(&mut cache)
            .is_subtype(*exported, types, *imported, types)
            .map_err(|error| ComposeError::Mismatch {
                name: name.clone(),
                plug: number,
                message: line(&format!("{error:#}")),
            })?;
        used = true;
    }
    if used {
        return Ok(());
    }
    let beside_wasi = imports.keys().filter(|name| !name.starts_with("wasi:"));
    Err(ComposeError::Unused {
        plug: number,
        imports: beside_wasi.cloned().collect(),
    })
}

fn refused(error: impl std::error::Error) -> ComposeError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    ComposeError::Encode(line(&text))
}

/// The chain of causes, which is given in lines, as one.
pub(super) fn line(text: &str) -> String {
    text.replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plug(ty: &str, core: &str) -> Vec<u8> {
        let text = format!(
            r#"(component
                (core module $m (func (export "n") (result {core}) {core}.const 7))
                (core instance $i (instantiate $m))
                (func (export "n") (result {ty}) (canon lift (core func $i "n"))))"#
        );
        wat::parse_str(text).unwrap()
    }

    fn socket() -> Vec<u8> {
        wat::parse_str(
            r#"(component (import "n" (func $n (result u32))) (export "run" (func $n)))"#,
        )
        .unwrap()
    }

    #[test]
    fn an_export_takes_the_place_of_an_import() {
        let whole = compose(&socket(), &[&plug("u32", "i32")]).unwrap();
        assert!(
            wb_registry::ProgramShape::read(&whole)
                .unwrap()
                .imports
                .is_empty()
        );
        assert_eq!(whole, compose(&socket(), &[&plug("u32", "i32")]).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let error = compose(&socket(), &[&plug("u64", "i64")]).unwrap_err();
        assert_eq!(error.code(), "compose/mismatch");
        assert!(
            error
                .to_string()
                .starts_with("`n`: plug 1 exports another type"),
            "{error}"
        );
        let error = compose(&socket(), &[&socket()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "plug 1 exports nothing that the socket imports: it imports `n`"
        );
        let error = compose(b"\0asm\x01\0\0\0", &[]).unwrap_err();
        assert_eq!(error.code(), "compose/not-a-component", "{error}");
    }
}
