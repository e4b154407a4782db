use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn folder(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), toml).unwrap();
    folder
}

#[test]
fn flags_win_over_environment_over_file_over_the_usual() {
    let folder = folder(
        "listen = ['127.0.0.1:1']\npublic_url = 'https://file'\nstop_within_s = 3\n[log]\nfilter = 'file'\n",
    );
    let flags = Settings {
        listen: Some(vec!["127.0.0.1:3".parse().unwrap()]),
        ..Settings::default()
    };
    let around = environment(&[
        ("USHER_LISTEN", "127.0.0.1:2, [::1]:2"),
        ("USHER_PUBLIC_URL", "https://environment/"),
        ("USHER_LOG_FORMAT", "json"),
        ("USHER_TOKEN", "not ours"),
    ]);
    let config = Config::load(folder.path(), flags, around).unwrap();
    assert_eq!(config.listen, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!(config.public_url.as_deref(), Some("https://environment"));
    assert_eq!(config.stop_within, Duration::from_secs(3));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "file");
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn a_folder_without_a_file_has_the_usual_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::load(folder.path(), Settings::default(), []).unwrap();
    assert_eq!(config.listen, ["0.0.0.0:8443".parse().unwrap()]);
    assert_eq!(
        config.transport,
        Transport::Tls {
            certificate: folder.path().join(CERTIFICATE),
            key: folder.path().join(KEY),
        }
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let folder = folder("stop_within_s = 3\n[limits]\ndevices_per_minute = 5\n");
    let error = Config::load(folder.path(), Settings::default(), []).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("line 3") && text.contains("devices_per_minute"),
        "{text}"
    );
    assert!(text.contains("is `device_per_minute` meant?"), "{text}");
    for (written, meant) in [
        ("public-url = ''", Some("`public_url`")),
        ("limit = 1", Some("`limits`")),
        ("[tls]\ncert = ''", Some("`certificate`")),
        ("colour = 'red'", None),
    ] {
        let error = Settings::from_toml(written, Path::new(FILE)).unwrap_err();
        let text = error.to_string();
        assert_eq!(text.contains("meant?"), meant.is_some(), "{text}");
        assert!(meant.is_none_or(|meant| text.contains(meant)), "{text}");
    }
}

/// The names that the reader of a table knows, as it says itself.
fn known_in(table: &str) -> Vec<String> {
    let text = format!("{table}\nno_such_key = 1");
    let error = toml::from_str::<Settings>(&text).unwrap_err();
    let said = error.message().to_owned();
    let names = said.split('`').skip(1).step_by(2).skip(1);
    names.map(str::to_owned).collect()
}

#[test]
fn the_page_about_the_file_has_every_key_and_no_other() {
    let mut known = Vec::new();
    for name in known_in("") {
        match name.as_str() {
            "tls" | "log" | "limits" => {
                let keys = known_in(&format!("[{name}]"));
                known.extend(keys.into_iter().map(|key| format!("{name}.{key}")));
            }
            _ => known.push(name),
        }
    }
    let page = std::fs::read_to_string("../docs/server.md").unwrap();
    let row = |line: &str| {
        let cell = line.strip_prefix("| `")?;
        Some(cell.split('`').next()?.to_owned())
    };
    let mut told: Vec<String> = page.lines().filter_map(row).collect();
    known.sort();
    told.sort();
    assert_eq!(told, known);
    let variables = VARIABLES.iter().map(|(variable, _)| *variable);
    let from_keys = known.iter();
    let from_keys: Vec<String> = from_keys
        .map(|key| format!("USHER_{}", key.replace('.', "_").to_uppercase()))
        .collect();
    for variable in variables {
        assert!(from_keys.iter().any(|key| key == variable), "{variable}");
    }
    let example = page.split("```toml").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let settings = Settings::from_toml(example, Path::new(FILE)).unwrap();
    Config::check(Path::new("/data"), settings).unwrap();
}

#[test]
fn a_limit_of_zero_is_refused() {
    let folder = folder("[limits]\ntoken_per_minute = 0\n");
    assert!(Config::load(folder.path(), Settings::default(), []).is_err());
}

#[test]
fn a_bad_variable_is_refused_by_name() {
    for (name, value) in [
        ("USHER_LISTEN", "localhost"),
        ("USHER_TRANSPORT", "none"),
        ("USHER_LIMITS_REQUEST_S", "0"),
        ("USHER_LOG_FORMAT", "xml"),
    ] {
        let error = Settings::from_environment(environment(&[(name, value)])).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

#[test]
fn plain_http_is_refused_outside_of_loopback() {
    let settings = |listen: &str, kind| Settings {
        listen: Some(vec![listen.parse().unwrap()]),
        transport: Some(kind),
        ..Settings::default()
    };
    let check = |settings| Config::check(Path::new("/data"), settings).map(|c| c.transport);
    assert!(matches!(
        check(settings("0.0.0.0:80", TransportKind::Plain)),
        Err(ConfigError::PlainOutside(_))
    ));
    assert_eq!(
        check(settings("[::1]:80", TransportKind::Plain)).unwrap(),
        Transport::Plain
    );
    assert_eq!(
        check(settings("0.0.0.0:80", TransportKind::BehindProxy)).unwrap(),
        Transport::BehindProxy
    );
}

#[test]
fn only_named_proxies_are_believed_and_those_of_this_machine_behind_one() {
    let check = |settings| Config::check(Path::new("/data"), settings);
    let of = |transport, proxies: Option<&[&str]>| Settings {
        transport: Some(transport),
        proxies: proxies.map(|all| all.iter().map(|text| (*text).to_owned()).collect()),
        ..Settings::default()
    };
    let believed = |settings| {
        let proxies = check(settings).unwrap().proxies;
        ["127.0.0.1", "::1", "10.0.0.1"].map(|at| proxies.has(at.parse().unwrap()))
    };
    let (tls, proxy) = (TransportKind::Tls, TransportKind::BehindProxy);
    assert_eq!(believed(of(tls, None)), [false; 3]);
    assert_eq!(believed(of(proxy, None)), [true, true, false]);
    let named: &[&str] = &["10.0.0.0/8"];
    assert_eq!(believed(of(proxy, Some(named))), [false, false, true]);
    assert_eq!(believed(of(tls, Some(named))), [false, false, true]);
    let error = check(of(proxy, Some(&["proxy.example"]))).unwrap_err();
    assert!(error.to_string().contains("proxy.example"), "{error}");
    let around = environment(&[("USHER_PROXIES", "10.0.0.1, 10.1.0.0/16")]);
    let settings = Settings::from_environment(around).unwrap();
    assert_eq!(settings.proxies.unwrap(), ["10.0.0.1", "10.1.0.0/16"]);
}

#[test]
fn a_public_address_must_be_a_base_address() {
    for bad in [
        "tickets.example",
        "ftp://tickets.example",
        "https://",
        "https://a/?b=c",
        "",
    ] {
        let settings = Settings {
            public_url: Some(bad.into()),
            ..Settings::default()
        };
        assert!(
            matches!(
                Config::check(Path::new("/data"), settings),
                Err(ConfigError::PublicUrl(_))
            ),
            "{bad}"
        );
    }
}
