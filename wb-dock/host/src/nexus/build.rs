//! The first two rungs: sources become registered commands.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use wb_build::lane::Contract;
use wb_build::source::{self, Fetch, Material, Pins};
use wb_build::{Artifact, Builder, Diagnostic, DockSandbox, Naming, Plan, StepReport, lane, npm};
use wb_manifest::{
    ArgMode, BuildSrc, CommandName, Digest, HttpsUrl, Lang, Manifest, PaletteEntry, Reading,
    Severity, ToolkitId, Tree, palette, read,
};
use wb_policy::{CapSet, Shape, Trust};
use wb_registry::{Binding, Store as _, command_name};

use super::Nexus;
use crate::error::{Error, ErrorKind, ManifestFault};
use crate::fetch::Fetcher;
use crate::toolchain::Toolchains;
use crate::toolkits::Toolkits;

/// How to build.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that do not depend on each other"
)]
pub struct BuildOptions {
    /// Check types as well, where the language has them.
    pub check_types: bool,
    /// Compilers that run at once; one per core if absent.
    pub jobs: Option<NonZeroUsize>,
    /// Never use the network.
    pub offline: bool,
    /// Build third-party toolkits that nobody has signed.
    pub allow_unsigned: bool,
    /// Take names over that are commands of other toolkits.
    pub replace: bool,
}

/// One source file to build.
#[derive(Clone, Debug)]
pub struct Inline<'a> {
    /// What to call the command.
    pub name: &'a str,
    /// Its language.
    pub lang: &'a str,
    /// The file as the user named it.
    pub file: &'a str,
    /// Its text; `None` when there is no such file.
    pub source: Option<Bytes>,
    /// How it takes its arguments.
    pub arg_mode: ArgMode,
    /// The capabilities it declares.
    pub caps: CapSet,
    /// What is made of it.
    pub shape: InlineShape<'a>,
}

/// What is made of one source file.
#[derive(Clone, Debug, Default)]
pub enum InlineShape<'a> {
    /// A command.
    #[default]
    Command,
    /// A component.
    Component {
        /// Its own WIT, with the name of the file.
        wit: Option<(&'a str, Bytes)>,
        /// The world; the only one of `wit`, else `engine`, if absent.
        world: Option<&'a str>,
        /// The function that is called unless a caller names another; the only
        /// one there is, else `run`, if absent.
        entry: Option<&'a str>,
    },
    /// A kernel, in the languages that make them.
    Kernel {
        /// Its entry; `process` if absent.
        entry: Option<&'a str>,
    },
}

impl InlineShape<'_> {
    fn contract(&self, caps: CapSet) -> Result<Contract, Error> {
        match self {
            Self::Command => Ok(Contract::Command),
            Self::Kernel { entry } => Ok(Contract::Kernel {
                entry: entry.unwrap_or("process").to_owned(),
            }),
            Self::Component { wit, world, entry } => {
                // As in the folder of a toolkit, and told so.
                let mut toolkit = Tree::new();
                if let Some((file, text)) = wit {
                    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
                    let name = name.strip_suffix(".wit").unwrap_or("world");
                    let path = format!("wit/{name}.wit").parse();
                    let path = path
                        .or_else(|_| "wit/world.wit".parse())
                        .expect("a plain path");
                    toolkit.insert(path, text.clone());
                }
                let wit = toolkit.under(&"wit".parse().expect("a plain name"));
                let naming = Naming::default();
                lane::Component::chosen(wit, *world, *entry, caps)
                    .map(Contract::Component)
                    .map_err(|error| failed(error.named(&naming), &toolkit, &naming))
            }
        }
    }
}

/// A command that was built and registered.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it is registered as.
    pub binding: Binding,
    /// The language it was built from; none for a prebuilt one.
    pub lang: Option<Lang>,
    /// What the name stood for before.
    pub before: Option<Arc<Binding>>,
    /// What the compilers had to say.
    pub diagnostics: Vec<Diagnostic>,
    /// What became of each step.
    pub steps: Vec<StepReport>,
    /// The sources, to show lines of.
    pub sources: Tree,
    /// What the findings call the sources.
    pub naming: Naming,
}

impl Made {
    /// Whether the build gave again what the name stood for before.
    pub fn is_unchanged(&self) -> bool {
        let before = self.before.as_ref();
        before.is_some_and(|before| before.digest == self.binding.digest)
    }
}

/// A build that failed, with the sources that its findings are about.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct BuildFailure {
    /// Why.
    #[source]
    pub error: wb_build::Error,
    /// The sources.
    pub sources: Tree,
    /// What the findings call the sources.
    pub naming: Naming,
}

impl Nexus {
    /// Builds one source file and registers it as a command, component or kernel of the
    /// session.
    ///
    /// # Errors
    ///
    /// Before anything is compiled, in this order: [`ErrorKind::Name`],
    /// [`ErrorKind::Lang`], [`ErrorKind::NotFound`]; then
    /// [`ErrorKind::Build`] with what the compilers said.
    pub fn build_inline(&self, inline: &Inline<'_>, options: BuildOptions) -> Result<Made, Error> {
        let (name, sources) = inline_parts(inline)?;
        let (shape, world, entry) = match sources.contract.clone() {
            Contract::Command => (Shape::Command, None, None),
            Contract::Component(of) => (Shape::Component, Some(of.world), Some(of.entry)),
            Contract::Kernel { entry } => (Shape::Kernel, None, Some(entry)),
        };
        let binding = |digest| Binding {
            shape,
            world,
            entry,
            arg_mode: inline.arg_mode,
            caps: inline.caps,
            ..Binding::command(name, digest)
        };
        self.make(sources, options, binding)
    }

    /// The steps that [`Nexus::build_inline`] would run.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn plan_inline(&self, inline: &Inline<'_>, options: BuildOptions) -> Result<Plan, Error> {
        let (_, sources) = inline_parts(inline)?;
        let toolchains = self.toolchains()?.offline(options.offline);
        sources.plan(&toolchains, options)
    }

    /// Builds what the manifest of `id` declares, or only `which`, and registers it.
    ///
    /// `which` is the name of a command or of a palette entry.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Manifest`] when errors in the manifest leave nothing to build,
    /// [`ErrorKind::NothingToBuild`], [`ErrorKind::Unsigned`] for third-party code, [`ErrorKind::Build`] with what the compilers said.
    pub fn build(
        &self,
        toolkits: &Toolkits,
        id: &ToolkitId,
        which: Option<&str>,
        options: BuildOptions,
    ) -> Result<Vec<Made>, Error> {
        let tree = toolkits.tree(id)?;
        let units = units(id, &tree, which)?;
        let mut made = Vec::with_capacity(units.len());
        for unit in units {
            if unit.manifest.trust() == Trust::ThirdParty && !options.allow_unsigned {
                return Err(ErrorKind::Unsigned {
                    toolkit: id.to_string(),
                }
                .into());
            }
            made.push(self.build_unit(id, &unit, &tree, options)?);
        }
        Ok(made)
    }

    /// The steps that [`Nexus::build`] would run, for what is built from sources.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn plan(
        &self,
        toolkits: &Toolkits,
        id: &ToolkitId,
        which: Option<&str>,
        options: BuildOptions,
    ) -> Result<Vec<Plan>, Error> {
        let tree = toolkits.tree(id)?;
        let toolchains = self.toolchains()?.offline(options.offline);
        let mut plans = Vec::new();
        for unit in units(id, &tree, which)? {
            if let (BuildSrc::Path(dir), Some(lang)) = (&unit.source, unit.manifest.lang()) {
                let sources = Sources {
                    lang,
                    contract: Contract::declared(&unit.manifest, &tree),
                    tree: tree.under(dir),
                    naming: Naming::below(dir),
                };
                plans.push(sources.plan(&toolchains, options)?);
            }
        }
        Ok(plans)
    }

    fn build_unit(
        &self,
        id: &ToolkitId,
        unit: &Unit,
        tree: &Tree,
        options: BuildOptions,
    ) -> Result<Made, Error> {
        let manifest = &unit.manifest;
        let binding = |digest| {
            let mut binding = Binding::declared(manifest, unit.name.clone(), digest)
                .expect("units are manifests of a built shape");
            binding.toolkit = Some(id.clone());
            binding
        };
        let pins = Pins {
            sha256: manifest.sha256.as_ref().map(|sha| sha.value),
            wasm_path: manifest.wasm_path.as_ref().map(|path| &path.value),
        };
        let prebuilt = Prebuilt {
            nexus: self,
            sha256: pins.sha256,
            offline: options.offline,
        };
        let naming = match &unit.source {
            BuildSrc::Path(dir) => Naming::below(dir),
            _ => Naming::default(),
        };
        let found = source::resolve(&unit.source, tree, pins, &prebuilt)
            .map_err(|error| failed(error, &Tree::new(), &naming))?;
        match found {
            Material::Sources(sources) => {
                let lang = manifest
                    .lang()
                    .ok_or_else(|| nothing_to_build(id, "no `#+BUILD_LANG`"))?;
                let sources = Sources {
                    lang,
                    contract: Contract::declared(manifest, tree),
                    tree: sources,
                    naming,
                };
                self.make(sources, options, binding)
            }
            Material::Prebuilt { wasm, .. } => {
                let (binding, before) =
                    self.keep(&wasm, None, binding(Digest::of(&wasm)), options)?;
                Ok(Made {
                    binding,
                    before,
                    lang: None,
                    diagnostics: Vec::new(),
                    steps: Vec::new(),
                    sources: Tree::new(),
                    naming,
                })
            }
        }
    }

    /// Compiles `sources`, keeps the artifact and binds it.
    fn make(
        &self,
        sources: Sources,
        options: BuildOptions,
        binding: impl FnOnce(Digest) -> Binding,
    ) -> Result<Made, Error> {
        let toolchains = self.toolchains()?.offline(options.offline);
        let plan = sources.plan(&toolchains, options)?;
        let failed = |error| match packs_missing(&error, &plan, &toolchains) {
            Some(packs) => ErrorKind::PacksMissing { packs }.into(),
            None => sources.failed(error),
        };
        let sandbox = DockSandbox::new(toolchains.tools());
        let cache = toolchains.cache();
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let built = Builder::new(&sandbox, &cache)
            .jobs(options.jobs.unwrap_or(cores))
            .run(&plan)
            .map_err(failed)?;
        let Artifact {
            digest,
            wasm,
            provenance,
        } = built.artifact().map_err(failed)?;
        let record = provenance.to_json();
        let (binding, before) = self.keep(&wasm, Some(&record), binding(digest), options)?;
        Ok(Made {
            binding,
            lang: Some(sources.lang),
            before,
            diagnostics: built.diagnostics,
            steps: built.steps,
            sources: sources.tree,
            naming: sources.naming,
        })
    }

    /// Stores an artifact with the record of its build and binds it.
    fn keep(
        &self,
        wasm: &[u8],
        provenance: Option<&str>,
        binding: Binding,
        options: BuildOptions,
    ) -> Result<(Binding, Option<Arc<Binding>>), Error> {
        self.registry.update(|table| {
            self.store.put(wasm)?;
            let record = provenance
                .map(|text| self.store.put(text.as_bytes()))
                .transpose()?;
            let binding = Binding {
                provenance: record,
                ..binding
            };
            let before = if options.replace {
                table.replace(binding.clone(), &self.store)?
            } else {
                table.bind(binding.clone(), &self.store)?
            };
            Ok((binding, before))
        })
    }
}

/// Ready-made artifacts: from the store if they are there, else from the network.
struct Prebuilt<'a> {
    nexus: &'a Nexus,
    sha256: Option<Digest>,
    offline: bool,
}

impl Fetch for Prebuilt<'_> {
    fn fetch(&self, url: &HttpsUrl, limit: u64) -> Result<Bytes, wb_build::Error> {
        let stored = self.sha256.and_then(|pin| self.nexus.store.get(&pin).ok());
        if let Some(bytes) = stored {
            return Ok(bytes);
        }
        let fetched = if self.offline {
            let what = format!("`{}`", url.as_str());
            Err(ErrorKind::Offline { what }.into())
        } else {
            Fetcher::new().get(url.as_str(), limit)
        };
        let host = |error: Error| wb_build::ErrorKind::Host {
            what: format!("cannot fetch `{}`", url.as_str()),
            source: Box::new(error),
        };
        Ok(fetched.map_err(host)?.into())
    }
}

/// What a lane is given.
struct Sources {
    lang: Lang,
    contract: Contract,
    tree: Tree,
    naming: Naming,
}

impl Sources {
    fn plan(&self, toolchains: &Toolchains, options: BuildOptions) -> Result<Plan, Error> {
        let failed = |error| self.failed(error);
        let whole = npm::install(self.tree.clone(), &toolchains.packages()).map_err(failed)?;
        let options = lane::Options {
            contract: self.contract.clone(),
            check_types: options.check_types,
        };
        let plan = lane::plan(self.lang, whole, &options, toolchains.lock());
        let named = |error: wb_build::Error| self.failed(error.named(&self.naming));
        Ok(plan.map_err(named)?.named(self.naming.clone()))
    }

    fn failed(&self, error: wb_build::Error) -> Error {
        failed(error, &self.tree, &self.naming)
    }
}

/// All the packs that `plan` needs and that are not installed, when the want of
/// one is why it failed: a user should be told once.
fn packs_missing(
    error: &wb_build::Error,
    plan: &Plan,
    toolchains: &Toolchains,
) -> Option<Vec<String>> {
    let wb_build::ErrorKind::Missing { pack } = error.kind() else {
        return None;
    };
    let mut packs: Vec<String> = plan.packs().into_iter().map(str::to_owned).collect();
    packs.retain(|name| name == pack || !toolchains.has(&[name]));
    Some(packs)
}

/// One manifest of a toolkit that declares something to build.
pub(super) struct Unit {
    pub(super) name: CommandName,
    pub(super) manifest: Manifest,
    pub(super) source: BuildSrc,
}

pub(super) fn units(id: &ToolkitId, tree: &Tree, which: Option<&str>) -> Result<Vec<Unit>, Error> {
    let manifest = tree.get("manifest.org").cloned().unwrap_or_default();
    let reading = read(&manifest);
    let entries = palette(tree);
    let own = reading.toolkits().iter().map(|manifest| (None, manifest));
    let palette = entries
        .iter()
        .map(|entry| (Some(entry.name.as_str()), entry.reading.manifest()));
    let mut units = Vec::new();
    let mut known = Vec::new();
    for (entry, manifest) in own.chain(palette) {
        let built = manifest.shape().is_some_and(Shape::is_built);
        let (true, Some(name), Some(source)) = (built, manifest.command(), &manifest.build_src)
        else {
            continue;
        };
        known.push(name.to_string());
        if which.is_none_or(|which| which == name.as_str() || entry == Some(which)) {
            let is_whole = match source.value {
                BuildSrc::Path(_) => manifest.lang().is_some(),
                _ => !source.value.is_prebuilt() || manifest.sha256.is_some(),
            };
            if !is_whole && let Some(error) = faulty(id, &reading, &entries, tree) {
                return Err(error);
            }
            units.push(Unit {
                name: command_name(name.as_str()).map_err(ErrorKind::Name)?,
                manifest: manifest.clone(),
                source: source.value.clone(),
            });
        }
    }
    if units.is_empty()
        && let Some(error) = faulty(id, &reading, &entries, tree)
    {
        return Err(error);
    }
    match (units.is_empty(), which) {
        (false, _) => Ok(units),
        (true, Some(which)) if !known.is_empty() => {
            let known = known.join(", ");
            let why = format!("no artifact `{which}`, expected one of {known}");
            Err(nothing_to_build(id, &why))
        }
        (true, Some(which)) => Err(nothing_to_build(id, &format!("no artifact `{which}`"))),
        (true, None) => Err(nothing_to_build(id, "no `#+EXEC` with a `#+BUILD_SRC`")),
    }
}

/// The errors of the manifests, if there are any.
fn faulty(
    id: &ToolkitId,
    reading: &Reading,
    entries: &[PaletteEntry],
    tree: &Tree,
) -> Option<Error> {
    let own = ("manifest.org", reading);
    let entries = entries
        .iter()
        .map(|entry| (entry.path.as_str(), &entry.reading));
    let mut faults = Vec::new();
    for (path, reading) in [own].into_iter().chain(entries) {
        let Some((path, text)) = tree.iter().find(|(found, _)| found.as_str() == path) else {
            continue;
        };
        let errors = reading.diagnostics().iter();
        let errors = errors.filter(|found| found.severity == Severity::Error);
        faults.extend(errors.map(|diagnostic| ManifestFault {
            path: path.clone(),
            text: text.clone(),
            diagnostic: diagnostic.clone(),
        }));
    }
    let id = id.to_string();
    (!faults.is_empty()).then(|| ErrorKind::Manifest { id, faults }.into())
}

fn inline_parts(inline: &Inline<'_>) -> Result<(CommandName, Sources), Error> {
    let name = command_name(inline.name).map_err(ErrorKind::Name)?;
    let lang: Lang = inline.lang.parse().map_err(ErrorKind::Lang)?;
    let source = inline.source.clone().ok_or_else(|| ErrorKind::NotFound {
        name: inline.file.to_owned(),
    })?;
    let no_lane = |error| failed(error, &Tree::new(), &Naming::default());
    let entry = lane::entry_file(lang).map_err(no_lane)?;
    let naming = Naming::file(entry, inline.file);
    let tree = lane::inline_tree(lang, source.clone()).map_err(|error| {
        let mut tree = Tree::new();
        if let Ok(path) = entry.parse() {
            tree.insert(path, source);
        }
        failed(error.named(&naming), &tree, &naming)
    })?;
    let contract = inline.shape.contract(inline.caps)?;
    let sources = Sources {
        lang,
        contract,
        tree,
        naming,
    };
    Ok((name, sources))
}

/// A build that failed. What a part of this host could not do is told as that.
pub(super) fn failed(error: wb_build::Error, sources: &Tree, naming: &Naming) -> Error {
    let error = match error.into_kind() {
        wb_build::ErrorKind::Host { what, source } => match source.downcast::<Error>() {
            Ok(own) => return *own,
            Err(source) => wb_build::ErrorKind::Host { what, source }.into(),
        },
        other => other.into(),
    };
    ErrorKind::Build(BuildFailure {
        error,
        sources: sources.clone(),
        naming: naming.clone(),
    })
    .into()
}

fn nothing_to_build(id: &ToolkitId, why: &str) -> Error {
    let (id, why) = (id.to_string(), why.to_owned());
    ErrorKind::NothingToBuild { id, why }.into()
}
