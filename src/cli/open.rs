//! What commands open: settings, rules, templates, the store, and a runtime for it.

use std::path::Path;

use anyhow::{Context as _, Result};
use barometer::config::{self, Settings};
use barometer::judge::{self, Complaints, Judge, RuleFile, Rules};
use barometer::notify::Templates;
use barometer::pipeline::Pipeline;
use barometer::store::Store;

use super::Common;

/// The command was asked for something it cannot do: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Reads the settings file.
pub fn settings(common: &Common) -> Result<Settings> {
    Ok(config::load(&common.config)?)
}

/// The settings, where there are any: a file that was not asked for may be missing.
pub fn settings_or_none(common: &Common) -> Result<Option<Settings>> {
    if common.config == Path::new(super::DEFAULT_CONFIG) && !common.config.exists() {
        return Ok(None);
    }
    settings(common).map(Some)
}

/// The shipped rules, and the firm's own where there are settings.
pub fn judge_with(settings: Option<&Settings>) -> Result<Judge> {
    Ok(Judge::new(rules(settings.map_or(&[], |s| &s.service.rules))?))
}

/// The shipped rules and the firm's own, proved by their examples.
pub fn judge_for(settings: &Settings) -> Result<Judge> {
    Ok(Judge::new(rules(&settings.service.rules)?))
}

/// The shipped rules and those in `folders`.
pub fn rules(folders: &[std::path::PathBuf]) -> Result<Rules> {
    let rules = Rules::load(&rule_files(folders)?)?;
    let complaints = rules.prove();
    if complaints.is_empty() { Ok(rules) } else { Err(Complaints(complaints).into()) }
}

/// The text of the shipped rules and of every `*.toml` in `folders`, in order of name.
pub fn rule_files(folders: &[std::path::PathBuf]) -> Result<Vec<RuleFile>> {
    let mut files = judge::shipped();
    for folder in folders {
        for path in toml_files(folder)? {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read the rule file {}; check its permissions", path.display()))?;
            files.push(RuleFile { name: path.display().to_string(), text });
        }
    }
    Ok(files)
}

fn toml_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Usage(format!(
            "{}: cannot read the rules folder ({error}); create it, or mend `rules` in the settings",
            folder.display()
        ))
    })?;
    let mut paths: Vec<_> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    Ok(paths)
}

/// The shipped mail templates, replaced by those that the settings name.
pub fn templates(settings: &Settings) -> Result<Templates> {
    let Some(folder) = &settings.service.templates else {
        return Ok(Templates::shipped()?);
    };
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Usage(format!(
            "{}: cannot read the templates folder ({error}); mend `templates` in the settings",
            folder.display()
        ))
    })?;
    let mut overrides = Vec::new();
    for path in entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_file()) {
        let name = path.file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned());
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read the template {}", path.display()))?;
        overrides.push((name, text));
    }
    Ok(Templates::load(&overrides)?)
}

/// The pipeline on the store that the settings name.
pub async fn pipeline(settings: Settings) -> Result<Pipeline> {
    let store = Store::open(&settings.service.store).await?;
    on(store, settings)
}

/// The pipeline on a store that vanishes with it.
pub async fn in_memory(settings: Settings, judge: Judge) -> Result<Pipeline> {
    let store = Store::memory().await?;
    let templates = templates(&settings)?;
    Ok(Pipeline::new(store, settings, judge, templates))
}

fn on(store: Store, settings: Settings) -> Result<Pipeline> {
    let judge = judge_for(&settings)?;
    let templates = templates(&settings)?;
    Ok(Pipeline::new(store, settings, judge, templates))
}

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(future)
}
