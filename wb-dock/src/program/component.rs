use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::wasm_wave::wasm::DisplayType;
use wasmtime::component::{Component as Code, ComponentExportIndex, InstancePre, Type};
use wb_policy::{
    Cap, CapSet, Grant, Import, Profiles, Requirement, component_import, denied_imports,
};

use super::signature::{Signature, find, full_name};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::guest::Guest;
use crate::services::Services;
use crate::shape::Component;

/// A compiled component, not yet allowed anything.
///
/// Cloning shares the code.
#[derive(Clone)]
pub struct ComponentProgram(Arc<Inner>);

struct Inner {
    engine: Engine,
    code: Code,
    digest: [u8; 32],
    /// The name of each import that could do something.
    imports: Vec<String>,
    functions: Vec<Function>,
    /// Linked for each set of capabilities it was admitted with.
    linked: Mutex<Vec<(CapSet, InstancePre<Guest>)>>,
}

/// A function that a component exports.
#[derive(Clone)]
pub struct Function {
    interface: Option<String>,
    name: String,
    ty: ComponentFunc,
    pub(crate) index: ComponentExportIndex,
}

impl Function {
    /// The interface it belongs to, with its version; none for one of the world itself.
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Its name in the interface or the world.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name that no other function of the component has: `run`, or
    /// `demo:shapes/area@1.0.0#circle`.
    pub fn full_name(&self) -> String {
        full_name(self.interface(), &self.name)
    }

    /// What its type says, for who has no use for the code.
    pub fn signature(&self) -> Signature {
        Signature {
            interface: self.interface.clone(),
            name: self.name.clone(),
            wit: self.wit(),
            takes_text: self.takes_text(),
            gives_result: self.gives_result(),
        }
    }

    /// Its type as WIT, with what records and variants are made of in the place of their
    /// names: `func(at: record { x: u32, y: u32 }) -> string`.
    pub fn wit(&self) -> String {
        let params = self.ty.params();
        let params: Vec<String> = params
            .map(|(name, ty)| format!("{name}: {}", DisplayType(&ty)))
            .collect();
        let mut wit = format!("func({})", params.join(", "));
        for result in self.ty.results() {
            wit.push_str(" -> ");
            wit.push_str(&DisplayType(&result).to_string());
        }
        wit
    }

    /// The name and the type of each parameter.
    pub(crate) fn params(&self) -> Vec<(String, Type)> {
        let params = self.ty.params();
        params.map(|(name, ty)| (name.to_owned(), ty)).collect()
    }

    /// Whether it takes one string and nothing else.
    pub fn takes_text(&self) -> bool {
        matches!(&self.params()[..], [(_, Type::String)])
    }

    /// Whether its value is a `result`, and says by itself if the call succeeded.
    pub fn gives_result(&self) -> bool {
        matches!(self.results().next(), Some(Type::Result(_)))
    }

    pub(crate) fn results(&self) -> impl ExactSizeIterator<Item = Type> + '_ {
        self.ty.results()
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.full_name(), self.wit())
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ComponentProgram {
    pub(crate) fn new(engine: &Engine, code: Code, digest: [u8; 32]) -> Self {
        let ty = code.component_type();
        let imports = ty
            .imports(engine.raw())
            .filter(|(name, import)| {
                // The types of somebody's own interface give no power to anybody.
                component_import(name) != Requirement::Unknown
                    || !is_types_alone(engine, &import.ty)
            })
            .map(|(name, _)| name.to_owned())
            .collect();
        let functions = functions(engine, &code);
        Self(Arc::new(Inner {
            engine: engine.clone(),
            code,
            digest,
            imports,
            functions,
            linked: Mutex::default(),
        }))
    }

    /// The SHA-256 of the wasm bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest
    }

    /// Every import: interfaces with their versions, and functions of the world.
    /// Interfaces that have only types, and are not the Dock's or WASI's, are left out.
    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.0.imports.iter().map(String::as_str)
    }

    /// The functions it exports, in its own order. Those of resources are left out: they
    /// have no meaning without a handle.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.0.functions.iter()
    }

    /// The function called `name`: its full name, or the name alone if that is the name
    /// of one function only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchFunction`] when there is none, or more than one.
    pub fn function(&self, name: &str) -> Result<&Function, Error> {
        find(&self.0.functions, name, |f| (f.interface(), f.name()))
    }

    /// Links this component to exactly the imports in `grant`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotGranted`] names each import that is not covered, the
    /// capability it needs and the smallest profile that grants it;
    /// [`ErrorKind::NotProvided`] a granted capability that `services` left empty;
    /// [`ErrorKind::ImportType`] an import that has another type than the Dock's.
    /// [`ErrorKind::Engine`] if the grant limits fuel and the engine does not
    /// [count](crate::EngineBuilder::fuel) it.
    ///
    /// # Examples
    ///
    /// ```
    /// use wb_dock::{Engine, Grant, Services};
    ///
    /// # let wasm = wat::parse_str(r#"(component (import "vfs-query"
    /// #   (func (param "sql" string) (result string))))"#).unwrap();
    /// let program = Engine::new()?.load_component(&wasm)?;
    /// let error = program.admit(&Grant::none(), &Services::default()).unwrap_err();
    /// assert_eq!(error.code(), "dock/not-granted");
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn admit(&self, grant: &Grant, services: &Services) -> Result<Component, Error> {
        if grant.limits().fuel.is_some() && !self.0.engine.counts_fuel() {
            return Err(ErrorKind::Engine {
                message: "the grant limits fuel, which this engine does not count".into(),
            }
            .into());
        }
        let linked = self.linked(grant, services)?;
        Ok(Component::new(self.clone(), linked, grant, services))
    }

    /// The component linked to what `grant` covers; linked once for each set of
    /// capabilities.
    pub(crate) fn linked(
        &self,
        grant: &Grant,
        services: &Services,
    ) -> Result<InstancePre<Guest>, Error> {
        let caps = grant.caps();
        self.check_granted(grant, services)?;
        self.check_provided(caps, services)?;
        if let Some((_, linked)) = self.lock().iter().find(|(held, _)| *held == caps) {
            return Ok(linked.clone());
        }
        self.check_run_command()?;
        let granted = self.0.engine.component_linker(caps)?;
        let linked =
            granted
                .instantiate_pre(&self.0.code)
                .map_err(|error| ErrorKind::ImportType {
                    message: format!("{error:#}"),
                })?;
        // Two threads may both have linked it; either result will do.
        self.lock().push((caps, linked.clone()));
        Ok(linked)
    }

    /// The first wall: our own list, which can name every import that is refused.
    fn check_granted(&self, grant: &Grant, services: &Services) -> Result<(), Error> {
        let imports = self.imports().map(Import::Component);
        let denied = match &services.profiles {
            Some(profiles) => denied_imports(imports, grant, profiles),
            None => denied_imports(imports, grant, &Profiles::built_in()),
        };
        if denied.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::NotGranted { denied }.into())
    }

    /// Whether the host has something behind every import that was granted.
    fn check_provided(&self, caps: CapSet, services: &Services) -> Result<(), Error> {
        let provided = services.provided();
        for import in self.imports() {
            let requirement = component_import(import);
            if !requirement.is_met_by(caps) {
                continue;
            }
            let behind = match requirement {
                // `wasi:http` goes over `net`, whichever of the two was granted.
                Requirement::NeedsOneOf(_) => &[Cap::Net],
                _ => requirement.caps(),
            };
            if let Some(cap) = behind.iter().find(|cap| !provided.contains(**cap)) {
                return Err(ErrorKind::NotProvided {
                    cap: *cap,
                    import: import.to_owned(),
                }
                .into());
            }
        }
        Ok(())
    }

    /// `run-command` may have two parameters or three, so that the linker does not look
    /// at its type.
    fn check_run_command(&self) -> Result<(), Error> {
        let engine = self.0.engine.raw();
        let ty = self.0.code.component_type();
        let Some(import) = ty.get_import(engine, "run-command") else {
            return Ok(());
        };
        let is_known = matches!(&import.ty, ComponentItem::ComponentFunc(ty) if {
            let params: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
            let known = match params.as_slice() {
                [Type::String, Type::String] => true,
                [Type::String, Type::String, Type::List(list)] => list.ty() == Type::String,
                _ => false,
            };
            known && ty.results().eq([Type::String])
        });
        if is_known {
            return Ok(());
        }
        Err(ErrorKind::ImportType {
            message: "`run-command` is not `func(command: string, input: string, \
                      args: list<string>) -> string`"
                .into(),
        }
        .into())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(CapSet, InstancePre<Guest>)>> {
        self.0.linked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn component(&self) -> &Code {
        &self.0.code
    }
}

impl fmt::Debug for ComponentProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentProgram")
            .field("imports", &self.0.imports)
            .field("functions", &self.0.functions)
            .finish_non_exhaustive()
    }
}

fn is_types_alone(engine: &Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(instance) => instance
            .exports(engine.raw())
            .all(|(_, export)| is_types_alone(engine, &export.ty)),
        _ => false,
    }
}

fn functions(engine: &Engine, code: &Code) -> Vec<Function> {
    let mut functions = Vec::new();
    let mut add = |interface: Option<&str>, name: &str, item, index| {
        if let (ComponentItem::ComponentFunc(ty), Some(index)) = (item, index)
            && !name.starts_with('[')
        {
            functions.push(Function {
                interface: interface.map(str::to_owned),
                name: name.to_owned(),
                ty,
                index,
            });
        }
    };
    for (name, export) in code.component_type().exports(engine.raw()) {
        let at = code.get_export_index(None, name);
        match export.ty {
            ComponentItem::ComponentInstance(instance) => {
                for (inner, export) in instance.exports(engine.raw()) {
                    let index = code.get_export_index(at.as_ref(), inner);
                    add(Some(name), inner, export.ty, index);
                }
            }
            item => add(None, name, item, at),
        }
    }
    functions
}
