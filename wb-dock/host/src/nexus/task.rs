//! Task recipes, run as the command calls they are lowered to.

use bytes::Bytes;
use wb_dock::{Input, Invocation, Outcome};
use wb_manifest::{ToolkitId, read};
use wb_policy::Profile;

use super::Nexus;
use crate::error::{Error, ErrorKind};
use crate::task::lower;
use crate::toolkits::Toolkits;

impl Nexus {
    /// Runs the recipe `task` of a toolkit, line by line, under the caller's profile.
    ///
    /// The first line reads `stdin`. `each` is given what the last command of a
    /// line did. A command that fails ends the recipe; its exit code is the
    /// recipe's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchTask`], [`ErrorKind::Task`] for a line that is more
    /// than calls and pipes, and those of [`Nexus::run`].
    pub fn run_task(
        &self,
        (toolkits, id): (&Toolkits, &ToolkitId),
        task: &str,
        args: &[String],
        profile: &Profile,
        stdin: Input,
        each: &mut dyn FnMut(&Outcome),
    ) -> Result<i32, Error> {
        let reading = read(&toolkits.manifest(id)?);
        let mut recipes = reading.toolkits().iter().flat_map(|m| &m.recipes);
        let Some(recipe) = recipes.find(|recipe| recipe.name.value.as_str() == task) else {
            let (toolkit, task) = (id.to_string(), task.chars().take(128).collect());
            return Err(ErrorKind::NoSuchTask { toolkit, task }.into());
        };
        let pipelines = lower(&recipe.script.value, args).map_err(|not| ErrorKind::Task {
            name: format!("{id}/{task}"),
            reason: not.to_string(),
        })?;
        let mut stdin = Some(stdin);
        for pipeline in pipelines {
            let mut input = stdin.take().unwrap_or_default();
            let last = pipeline.calls.len() - 1;
            for (i, call) in pipeline.calls.iter().enumerate() {
                let invocation = Invocation::new(&call.name).args(&call.args).stdin(input);
                let outcome = self.run(&call.name, invocation, profile)?;
                input = Input::from(Bytes::clone(&outcome.stdout));
                let failed = outcome.exit_code != 0;
                if i == last || failed {
                    each(&outcome);
                }
                if failed {
                    return Ok(outcome.exit_code);
                }
            }
        }
        Ok(0)
    }
}
