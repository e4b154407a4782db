//! What every command works with: the flags, the output, the clock, and the way to the server.

use crate::client::{Access, Client};
use crate::error::CliError;
use crate::files::{self, Rights};
use crate::globals::Globals;
use crate::output::{Format, Ids, Output};
use crate::passphrase::first_line;
use crate::profile::{self, Profile};
use jiff::Timestamp;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use usher_core::app::{ApiError, App, IN_USE, Rescue, Standing};
use usher_core::clock::SystemEntropy;
use usher_domain::hash::Hash;
use usher_domain::secret::{Private, Seed};
use usher_domain::time::UnixMillis;
use usher_server::clock::{Clock as _, SystemClock};

/// The variable that can hold an API token.
pub const TOKEN: &str = "USHER_TOKEN";

/// What every command works with.
#[derive(Debug)]
pub struct Shell {
    /// Flags.
    pub globals: Globals,
    /// Where it writes.
    pub output: Output,
    /// How long this command still waits for others to leave the device's folder.
    patience: Cell<Duration>,
}

/// How long a command waits for others to leave the device's folder: most are done in a moment.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pause before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Shell {
    /// A shell of these flags that writes to standard output.
    #[must_use]
    pub fn new(globals: Globals) -> Self {
        let format = if globals.json {
            Format::Json
        } else {
            Format::Human
        };
        let ids = if globals.verbose {
            Ids::Shown
        } else {
            Ids::Hidden
        };
        Self {
            globals,
            output: Output::standard(format).with_ids(ids),
            patience: Cell::new(PATIENCE),
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        SystemClock.now()
    }

    /// What time it is, in the calendar.
    ///
    /// # Errors
    /// [`CliError::Invalid`] if the clock is beyond the calendar.
    pub fn today(&self) -> Result<Timestamp, CliError> {
        let ms = i64::try_from(self.now().get()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(ms).map_err(|_| {
            CliError::Invalid("this machine's clock shows an impossible time".to_owned())
        })
    }

    /// The folder of the device.
    ///
    /// # Errors
    /// [`CliError::Missing`].
    pub fn home(&self) -> Result<&Path, CliError> {
        self.globals.home.as_deref().ok_or(CliError::Missing(
            "which device? Give its folder by --home or USHER_HOME",
        ))
    }

    /// The device in its folder, which can work.
    ///
    /// # Errors
    /// [`CliError`] if there is none, it is not enrolled, or another program works with it.
    pub fn device(&self) -> Result<App, CliError> {
        let app = self.folder()?;
        match app.standing()? {
            Standing::Enrolled => {
                let mut output = Output::standard(self.output.format());
                for alarm in app.alarms()? {
                    output.note(format_args!("Notice: {alarm}"))?;
                }
                Ok(app)
            }
            Standing::Waiting { digits } => Err(CliError::NotConfirmed(digits)),
            Standing::New => Err(CliError::NotEnrolled(self.home()?.to_owned())),
        }
    }

    /// The device in its folder, after everything in its store was looked at, and what was rescued if it
    /// had to be set aside.
    ///
    /// # Errors
    /// As [`Self::device`].
    pub fn device_to_repair(&self) -> Result<(App, Option<Rescue>), CliError> {
        let home = self.home()?;
        if !home.is_dir() {
            return Err(CliError::NoDevice(home.to_owned()));
        }
        self.when_free(|| App::open_to_repair(home, system_clock(), Arc::new(SystemEntropy)))
    }

    /// What is in the device's folder, enrolled or not.
    ///
    /// # Errors
    /// [`CliError`] if there is no folder, or another program works with it.
    pub fn folder(&self) -> Result<App, CliError> {
        let home = self.home()?;
        if !home.is_dir() {
            return Err(CliError::NoDevice(home.to_owned()));
        }
        self.new_device()
    }

    /// The device in its folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`CliError`] if another program works with it.
    pub fn new_device(&self) -> Result<App, CliError> {
        let home = self.home()?;
        self.when_free(|| App::open(home, system_clock(), Arc::new(SystemEntropy)))
    }

    /// Opens the folder as soon as no other command works in it, within this command's patience.
    fn when_free<T>(&self, open: impl Fn() -> Result<T, ApiError>) -> Result<T, CliError> {
        loop {
            let left = self.patience.get();
            match open() {
                Err(error) if error.code == IN_USE && !left.is_zero() => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "nothing else of this command can go on without the device"
                    )]
                    std::thread::sleep(LOOK_AGAIN);
                    self.patience.set(left.saturating_sub(LOOK_AGAIN));
                }
                opened => return Ok(opened?),
            }
        }
    }

    /// The profile's file: the one named, or the one in the server's data folder.
    #[must_use]
    pub fn profile_file(&self) -> PathBuf {
        match &self.globals.profile {
            Some(file) => file.clone(),
            None => {
                let data = std::env::var_os("USHER_DATA").map(PathBuf::from);
                data.unwrap_or_else(|| crate::command::serve::DATA.into())
                    .join(profile::FILE)
            }
        }
    }

    /// The profile; an empty one if none is named and none is there.
    ///
    /// # Errors
    /// [`CliError`] if it is not readable.
    pub fn profile(&self) -> Result<Profile, CliError> {
        let file = self.profile_file();
        if self.globals.profile.is_none() && !file.exists() {
            return Ok(Profile::default());
        }
        self.keep_private(&file)?;
        Profile::read(&file)
    }

    /// Takes the rights of others from a file with secrets, and says so.
    fn keep_private(&self, file: &Path) -> Result<(), CliError> {
        let said = match files::take_rights_of_others(file) {
            Rights::OwnerOnly => return Ok(()),
            Rights::Taken => {
                "Other users of this computer could read it until now; it is private from here on. If one of them may have, revoke its tokens: usher token revoke."
            }
            Rights::Left => {
                "Other users of this computer can read it, and that can't be changed: make yourself its owner, with chmod 600."
            }
        };
        let mut output = Output::standard(self.output.format());
        Ok(output.note(format_args!("{} holds tokens. {said}", file.display()))?)
    }

    /// A connection to the server with the organizer's token.
    ///
    /// # Errors
    /// [`CliError`] if address or token are missing.
    pub fn client(&self) -> Result<Client, CliError> {
        let profile = self.profile()?;
        let token = match self.given_token()? {
            Some(token) => token,
            None => profile.token(self.globals.organizer.as_deref()).cloned().ok_or(CliError::Missing(
                "no token: give --token-file or USHER_TOKEN, or a profile that has one, as usher init and usher organizer create write it, and --organizer if it has several",
            ))?,
        };
        self.connect(&profile, token)
    }

    /// A connection to the server with the administrator's token.
    ///
    /// # Errors
    /// [`CliError`] if address or token are missing.
    pub fn admin(&self) -> Result<Client, CliError> {
        let profile = self.profile()?;
        let token = match self.given_token()? {
            Some(token) => token,
            None => profile.admin_token.clone().ok_or(CliError::Missing(
                "no administrator's token: give --token-file or USHER_TOKEN, or the profile that usher init wrote",
            ))?,
        };
        self.connect(&profile, token)
    }

    fn given_token(&self) -> Result<Option<Private>, CliError> {
        match &self.globals.token_file {
            Some(file) => first_line(file).map(Some),
            None => Ok(std::env::var(TOKEN).ok().map(Private::new)),
        }
    }

    /// A connection with a token to the server that flags or `profile` name.
    ///
    /// # Errors
    /// [`CliError`] if the address is missing or wrong.
    pub fn connect(&self, profile: &Profile, token: Private) -> Result<Client, CliError> {
        let said = self.globals.server.clone();
        // A pin belongs to a server: another address does not inherit the profile's.
        let (server, pin) = match said {
            Some(server) => (Some(server), self.globals.server_pin.clone()),
            None => (
                profile.server.clone(),
                self.globals
                    .server_pin
                    .clone()
                    .or_else(|| profile.pin.clone()),
            ),
        };
        let server = server.ok_or(CliError::Missing(
            "which server? Give --server or USHER_SERVER, or the profile that usher init wrote",
        ))?;
        let pin = pin.as_deref().map(parse_pin).transpose()?;
        Client::new(Access { server, pin, token }, self.correlation()?)
    }

    /// A new id that ties a command's requests to log lines and errors.
    ///
    /// # Errors
    /// [`CliError::NoRandom`].
    pub fn correlation(&self) -> Result<String, CliError> {
        let bytes: [u8; 16] = random()?;
        Ok(usher_domain::ids::AttemptId::from_bytes(bytes).to_string())
    }
}

fn system_clock() -> Arc<usher_core::clock::SystemClock> {
    Arc::new(usher_core::clock::SystemClock::new())
}

fn parse_pin(text: &str) -> Result<Hash, CliError> {
    text.parse()
        .map_err(|_| CliError::Invalid("a pin is 64 hexadecimal digits".to_owned()))
}

/// Random bytes that nobody can guess.
///
/// # Errors
/// [`CliError::NoRandom`].
pub fn random<const N: usize>() -> Result<[u8; N], CliError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| CliError::NoRandom)?;
    Ok(bytes)
}

/// A new seed.
///
/// # Errors
/// [`CliError::NoRandom`].
pub fn new_seed() -> Result<Seed, CliError> {
    random().map(Seed::new)
}
