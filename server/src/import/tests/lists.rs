//! Lists as shops export them; the people are invented.

use super::*;

const EVENTBRITE: &str = "\
Order #,Order Date,First Name,Last Name,Email,Quantity,Ticket Type,Attendee #,Barcode #,Attendee Status,Checked in
1234500001,2026-10-01 10:00,Ada,Berg,ada@example.org,1,Early Bird,2000000001,12345000012000000001001,Attending,No
1234500001,2026-10-01 10:00,\"Núñez, \"\"Beto\"\"\",Cruz,b@example.org,1,Early Bird,2000000002,12345000012000000002001,Checked In,Yes
1234500002,2026-10-02 10:00,Cleo,Dahl,c@example.org,1,VIP,2000000003,12345000022000000003001,Not Attending,No
1234500003,2026-10-02 10:00,Dina,Egge,d@example.org,1,VIP,2000000004,12345000032000000004001,Deleted,No
";

#[test]
fn an_eventbrite_attendee_list_is_read() {
    let import = read_list(EVENTBRITE);
    assert_eq!(bad(&import), []);
    let [ada, beto, cleo, dina] = &import.tickets[..] else {
        panic!("four tickets expected");
    };
    assert_eq!(ada.place, Place::Line(2));
    assert_eq!(ada.external.as_deref(), Some("2000000001"));
    assert_eq!(ada.order.as_deref(), Some("1234500001"));
    assert_eq!(holder(ada), "Ada Berg");
    assert_eq!(&*ada.type_name, "Early Bird");
    assert_eq!(ada.state, State::Valid);
    assert_eq!(code(beto), "12345000012000000002001");
    assert_eq!(holder(beto), "Núñez, \"Beto\" Cruz");
    assert_eq!(beto.state, State::Valid);
    assert_eq!(cleo.state, cancelled("not attending"));
    assert_eq!(dina.state, cancelled("deleted"));
}

#[test]
fn a_pretix_position_list_in_german_is_read() {
    let import = read_list(
        "\u{feff}Bestellnummer;Positions-ID;Status;Produkt;Variante;Preis;Teilnehmername;Ticket-Code;Gültig ab;Gültig bis;Sitzplatz-Zone;Sitzplatz-Reihe;Sitzplatz-Nummer\r\n\
         ABC12;1;Bezahlt;Tageskarte;Ermäßigt;49,00;Jürgen Müßig;k24fiuwvu8kxz3y1;20.11.2026 18:00;21.11.2026;Parkett;3;14\r\n\
         ABC12;2;Storniert;Tageskarte;;49,00;;'=cQjMUe4YZ+x;;;;;\r\n\
         ABC13;1;Ausstehend;Tageskarte;;49,00;;abcdefgh;;;;;\r\n",
    );
    assert_eq!(bad(&import), []);
    let [first, second, third] = &import.tickets[..] else {
        panic!("three tickets expected");
    };
    assert_eq!(first.external.as_deref(), Some("ABC12-1"));
    assert_eq!(&*first.type_name, "Tageskarte – Ermäßigt");
    assert_eq!(holder(first), "Jürgen Müßig");
    assert_eq!(first.seat.as_deref(), Some("Parkett, 3, 14"));
    assert_eq!(first.valid_from, Some(1_795_194_000));
    assert_eq!(first.valid_until, Some(1_795_302_000));
    assert_eq!(code(second), "=cQjMUe4YZ+x");
    assert_eq!(second.state, cancelled("cancelled"));
    assert_eq!(third.state, State::Pending);
}

#[test]
fn an_unknown_status_is_shown_unless_it_may_be_a_code() {
    let list = "barcode,status\nAQ7Q2ZW9XR4TN8VB,Guest list\nBQ7Q2ZW9XR4TN8VB,QF3K7T2ZC5W8\n\
                CQ7Q2ZW9XR4TN8VB,\nDQ7Q2ZW9XR4TN8VB,ada@example.org\n";
    let whys: Vec<String> = read_list(list).bad.iter().map(BadLine::why).collect();
    let told = whys.iter().map(|why| why.contains("“Guest list”"));
    assert_eq!(told.filter(|told| *told).count(), 1, "{whys:?}");
    let all = whys.concat();
    assert!(
        !all.contains("QF3K7T2ZC5W8") && !all.contains("ada@"),
        "{all}"
    );
}

#[test]
fn a_pretix_check_in_list_of_a_series_is_read() {
    let import = read_list(
        "\"Order code\",\"Attendee name\",\"Product\",\"Price\",\"Checked in\",\"Paid\",\"Secret\",\"E-mail\",\"Date\",\"Start date\",\"Company\",\"Requires special attention\",\"Seat name\",\"Company\"\n\
         A1,Ida Lund,Regular,10.00,,Yes,k24fiuwvu8kxz3y1,i@example.org,Matinee,2026-11-20 14:00,,Yes,Row 2 Seat 3,\n\
         A2,Jon Moe,Regular,10.00,,No,k24fiuwvu8kxz3y2,j@example.org,Evening,2026-11-20 20:00,,No,,\n",
    );
    assert_eq!(bad(&import), []);
    let [ida, jon] = &import.tickets[..] else {
        panic!("two tickets expected");
    };
    assert_eq!(ida.session.as_deref(), Some("Matinee"));
    assert_eq!(
        ida.instruction.as_deref(),
        Some("requires special attention")
    );
    assert_eq!(ida.seat.as_deref(), Some("Row 2 Seat 3"));
    assert_eq!(ida.external, None);
    assert_eq!((&jon.state, &jon.instruction), (&State::Pending, &None));
}

#[test]
fn the_delimiter_is_found() {
    for (delimiter, found) in [
        (",", Delimiter::Comma),
        (";", Delimiter::Semicolon),
        ("\t", Delimiter::Tab),
        ("|", Delimiter::Bar),
    ] {
        let text = ["barcode,name,type", "A-1,Ada Berg,VIP", "A-2,Bo Cruz,VIP"]
            .join("\n")
            .replace(',', delimiter);
        let import = read_list(&text);
        assert_eq!(import.tickets.len(), 2, "{delimiter:?}");
        let Source::Csv(dialect) = import.source else {
            panic!("a list expected");
        };
        assert_eq!(dialect.delimiter, found);
        assert_eq!(dialect.columns.len(), 3);
    }
}

#[test]
fn the_delimiter_that_excel_declares_is_taken() {
    let import = read_list("sep=;\r\nbarcode;price\r\n\r\nA-1;1,5\r\n");
    assert_eq!(code(&import.tickets[0]), "A-1");
    assert_eq!(import.tickets[0].place, Place::Line(4));
}

#[test]
fn a_list_of_barcodes_alone_is_read() {
    let import = read_list("Barcode\nA-1\n\nA-2");
    assert_eq!(import.tickets.len(), 2);
    assert_eq!(&*import.tickets[0].type_name, "Ticket");
}

#[test]
fn a_list_in_windows_1252_is_read() {
    let import = read(
        &[list(b"Barcode;Vorname;Nachname\n1;J\xfcrgen;M\xfc\xdfig\n")],
        &berlin(),
    )
    .unwrap();
    assert_eq!(holder(&import.tickets[0]), "Jürgen Müßig");
}

#[test]
fn a_mapping_wins_over_what_the_headers_say() {
    let text = "barcode,id,name,what,zone\n1,A-1,Ada,VIP,Hall\n2,A-2,Bo,VIP,Hall\n";
    let options = mapped(&["barcode=id", "type=4", "zone=-"]);
    let import = read(&[list(text)], &options).unwrap();
    assert_eq!(code(&import.tickets[0]), "A-1");
    assert_eq!(&*import.tickets[0].type_name, "VIP");
    assert_eq!(import.tickets[0].zone, None);
    assert_eq!(holder(&import.tickets[1]), "Bo");
}

#[test]
fn a_list_without_header_asks_for_a_mapping_and_shows_no_cell() {
    let text = "k24fiu,Ada Berg,VIP\nk24fiv,Bo Cruz,VIP\n";
    let error = read(&[list(text)], &berlin()).unwrap_err();
    assert_eq!(error.code(), "import_no_header");
    assert!(!error.to_string().contains("Ada") && !error.to_string().contains("k24fiu"));

    let options = mapped(&["barcode=1", "name=2", "type=3"]);
    let import = read(&[list(text)], &options).unwrap();
    assert_eq!(import.tickets.len(), 2);
    assert_eq!(import.tickets[0].place, Place::Line(1));
    assert_eq!(holder(&import.tickets[0]), "Ada Berg");
}

#[test]
fn a_missing_barcode_column_names_the_headers_found_and_accepted() {
    let error = read(&[list("Ticket No,Name\n1,Ada\n")], &berlin()).unwrap_err();
    let ImportError::BarcodeColumnMissing { found, accepted } = &error else {
        panic!("{error}");
    };
    assert_eq!(found, "Ticket No, Name");
    assert!(
        accepted.starts_with("barcode, ") && accepted.len() < 200,
        "{accepted}"
    );
    let error = read(&[list("barcode\n1\n")], &mapped(&["name=Gast"])).unwrap_err();
    assert_eq!(error.code(), "import_mapped_column_missing");
    let error = read(&[list("barcode,Barcode\n1,2\n")], &berlin()).unwrap_err();
    assert_eq!(error.code(), "import_column_twice");
}

#[test]
fn line_breaks_and_tabs_within_words_are_spaces_and_within_a_barcode_a_bad_line() {
    let import = read_list(
        "Barcode,Name,Type,Remarks\n\
         A-1,\"An\nna\",VIP,\"left\r\n\r\nright\"\n\
         A-2,\" Bo \t\r\n Berg\n\",VIP,\u{7}\n\
         \"A-\n3\",Cleo,VIP,\n",
    );
    let names: Vec<_> = import.tickets.iter().map(holder).collect();
    assert_eq!(names, ["An na", "Bo Berg"]);
    assert_eq!(bad(&import), [("line 9".to_owned(), "control_character")]);
}

#[test]
fn every_bad_line_has_its_number_and_reason() {
    let import = read_list(
        "Barcode,Name,Type,Status,Valid until,Entries\n\
         A-1,\"Ada\u{7}\nBerg\",VIP,paid,,\n\
         A-2,Bo,VIP,paid,,1\n\
         \n\
         A-2,Bo,VIP,paid,,2\n\
         A-3,Cleo,VIP,perhaps,,\n\
         A-4,Dina,VIP\n\
         A-5,Egil,VIP,paid,01/02/2026,\n\
         A-6,Finn,,paid,,\n\
         ,Gro,VIP,paid,,\n\
         \"1,23457E+12\",Hans,VIP,paid,,\n\
         A-7,Ida,VIP,paid,,many\n\
         A-8,Jon,VIP,paid,,,x\n\
         A-9,Kaj,VIP,paid,,3\n",
    );
    assert_eq!(
        bad(&import),
        [
            ("line 2".to_owned(), "control_character"),
            ("line 6".to_owned(), "barcode_repeated"),
            ("line 7".to_owned(), "unknown_status"),
            ("line 8".to_owned(), "cell_count"),
            ("line 9".to_owned(), "ambiguous_date"),
            ("line 10".to_owned(), "type_missing"),
            ("line 11".to_owned(), "barcode_missing"),
            ("line 12".to_owned(), "damaged_number"),
            ("line 13".to_owned(), "unknown_entries"),
            ("line 14".to_owned(), "cell_count"),
        ]
    );
    assert_eq!(
        import.bad[1].reason,
        BadReason::BarcodeRepeated {
            first: Place::Line(4)
        }
    );
    assert_eq!(
        import.bad[4].to_string().split(':').next(),
        Some("line 9, column “Valid until”")
    );
    assert_eq!(import.tickets.len(), 2);
    assert_eq!(import.tickets[1].entries, Some(3));
}

#[test]
fn quoted_line_breaks_and_foreign_line_ends_keep_the_count() {
    for end in ["\n", "\r\n", "\r"] {
        let text = [
            "barcode,instruction",
            "A-1,\"ask\nfor ID\"",
            "",
            "",
            "A-1,x",
            "A-2,y",
        ]
        .join(end)
        .replace("ask\n", &format!("ask{end}"));
        let import = read_list(&text);
        assert_eq!(import.tickets[0].instruction.as_deref(), Some("ask for ID"));
        assert_eq!(bad(&import), [("line 6".to_owned(), "barcode_repeated")]);
        assert_eq!(import.tickets[1].place, Place::Line(7));
    }
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_rest() {
    let error = read(
        &[list(
            "barcode,name\nA-1,Ada\nA-2,\"Bo\nA-3,Cleo\nA-4,Dina\n",
        )],
        &berlin(),
    )
    .unwrap_err();
    assert_eq!(error, ImportError::OpenQuote { line: 3 });
    assert_eq!(read_list("barcode,name\nA-1,12\" vinyl").tickets.len(), 1);
}

#[test]
fn long_numbers_that_all_end_in_zeros_went_through_a_spreadsheet() {
    let import =
        read_list("barcode\n123456789012345000\n223456789012345000\n323456789012345000\nshort\n");
    assert_eq!(import.bad.len(), 3);
    assert!(
        import
            .bad
            .iter()
            .all(|b| b.reason == BadReason::DamagedNumber)
    );
    assert_eq!(import.tickets.len(), 1);
    let import = read_list(
        "barcode\n123456789012345000\n223456789012345000\n323456789012345000\n423456789012345001\n",
    );
    assert_eq!(import.bad.len(), 0);
}

#[test]
fn a_cancelled_ticket_may_lack_its_barcode_if_it_has_a_number() {
    let import = read_list(
        "Ticket No,Barcode,Status,Cancellation reason\n7,,Cancelled,ill\n8,,Paid,\n,,Cancelled,\n",
    );
    assert_eq!(import.tickets.len(), 1);
    assert_eq!(import.tickets[0].code, None);
    assert_eq!(import.tickets[0].state, cancelled("ill"));
    assert_eq!(
        bad(&import),
        [
            ("line 3".to_owned(), "barcode_missing"),
            ("line 4".to_owned(), "barcode_missing")
        ]
    );
}

#[test]
fn the_organizers_own_status_words_count() {
    let mut options = berlin();
    options.words.insert("da".into(), State::Valid);
    options.words.insert(String::new(), State::Pending);
    let import = read(&[list("barcode,status\nA-1,Da\nA-2,\n")], &options).unwrap();
    assert_eq!(import.tickets[0].state, State::Valid);
    assert_eq!(import.tickets[1].state, State::Pending);
}

#[test]
fn what_is_no_list_is_named() {
    let error = |bytes: &[u8]| read(&[list(bytes)], &berlin()).unwrap_err().code();
    assert_eq!(error(b""), "import_empty");
    assert_eq!(error(b"\n \n;;\n"), "import_no_header");
    assert_eq!(error(b"PK\x03\x04..."), "import_spreadsheet");
    assert_eq!(error(b"\x00\xff\x00\xfe\x80"), "import_no_text");
    assert_eq!(
        detect(&[list("barcode\n"), list("barcode\n")]),
        Err(ImportError::SeveralLists)
    );
    assert_eq!(
        detect(&[list("barcode\n"), list("[]")]),
        Err(ImportError::MixedKinds)
    );
    assert_eq!(detect(&[]), Err(ImportError::NoFile));
}

#[test]
fn columns_of_a_polish_list_are_known_and_an_expiry_counts() {
    let import = read_list(
        "Zamówienie;Kod kreskowy;Imię;Nazwisko;Typ biletu;Status;Ważny do\n\
         1;A-1;Łucja;Żak;Normalny;opłacone;20.11.2026 18:00\n",
    );
    assert_eq!(bad(&import), []);
    let Source::Csv(found) = &import.source else {
        panic!("a list expected");
    };
    assert!(found.unused.is_empty());
    let [ticket] = &import.tickets[..] else {
        panic!("one ticket expected");
    };
    assert_eq!(&*ticket.type_name, "Normalny");
    assert_eq!(ticket.valid_until, Some(1_795_194_000));
}

#[test]
fn a_column_of_types_that_is_not_known_is_asked_for() {
    let asked = |list: &str| {
        let warnings = read_list(list).warnings;
        warnings.iter().any(|w| w.code() == "no_type_column")
    };
    assert!(asked("barcode;name;Jegytípus\nA-1;Ida;VIP\n"));
    assert!(!asked("barcode;name;Tipo\nA-1;Ida;VIP\n"));
    assert!(!asked("barcode;name\nA-1;Ida\n"));
}

#[test]
fn a_name_beside_a_last_name_is_made_whole() {
    for (list, whole) in [
        (
            "barcode;Nombre;Apellidos\nA-1;Iñigo;Montoya Ruiz\n",
            "Iñigo Montoya Ruiz",
        ),
        ("barcode;Nome;Cognome\nA-1;Anna;Bo\n", "Anna Bo"),
        ("barcode;Name;Surname\nA-1;Ida Lund;LUND\n", "Ida Lund"),
        ("barcode;Prénom;Nom\nA-1;Zoé;Roux\n", "Zoé Roux"),
        ("barcode;Nombre;Apellidos\nA-1;;Ruiz\n", "Ruiz"),
        (
            "barcode;Name;Vorname;Nachname\nA-1;Dr. Ida Lund;Ida;Aas\n",
            "Dr. Ida Lund",
        ),
    ] {
        assert_eq!(holder(&read_list(list).tickets[0]), whole, "{list}");
    }
}

#[test]
fn a_line_that_sums_up_is_no_ticket_wherever_its_word_stands() {
    let import = read_list(
        "Order;Barcode;Name;Type;Status;Price\n1;A-1;Ida;VIP;paid;9\n2;A-2;Sum;VIP;paid;9\n\
         Summe;;;;;18,00\nGesamt;4;;;;18\n;;Total:;;;18\n",
    );
    assert_eq!(import.tickets.len(), 2);
    let no_ticket = |line: u64| (format!("line {line}"), "no_ticket");
    assert_eq!(bad(&import), [no_ticket(4), no_ticket(5), no_ticket(6)]);
}

#[test]
fn no_message_about_a_status_advises_to_let_everybody_in() {
    let import = read_list("barcode,status\nA-1,\nA-2,Perhaps\n");
    let whys: Vec<_> = import.bad.iter().map(BadLine::why).collect();
    assert!(
        whys[0].contains("of an empty cell") && whys[0].contains("--status '=STATE'"),
        "{whys:?}"
    );
    assert!(whys.iter().all(|why| !why.contains("status=-")), "{whys:?}");
}

#[test]
fn bounds_are_kept() {
    let mut options = berlin();
    options.limits.lines = 2;
    assert!(read(&[list("barcode\n1\n2\n")], &options).is_ok());
    assert_eq!(
        read(&[list("barcode\n1\n2\n3\n")], &options).unwrap_err(),
        ImportError::TooManyLines { limit: 2 }
    );
    options.limits.bytes = 5;
    assert_eq!(
        read(&[list("barcode\n")], &options).unwrap_err(),
        ImportError::TooLarge { limit: 5 }
    );
}

#[test]
fn nothing_read_shows_codes_or_names_in_debug() {
    let import = read_list(EVENTBRITE);
    let shown = format!("{import:?}");
    for private in ["Ada", "Cruz", "12345000012000000002001", "example.org"] {
        assert!(!shown.contains(private), "{private}");
    }
}

#[test]
fn barcodes_that_can_be_guessed_are_counted() {
    let import = read_list("barcode\n100001\n100002\nk24fiuwvu8kxz3y1pq7mdn2sab6c4e\n100003\n");
    assert_eq!(import.warnings, [Warning::WeakBarcodes { weak: 3, all: 4 }]);
    assert!(import.tickets[2].bits >= 64 && import.tickets[3].bits < 64);
}

#[test]
fn a_quantity_of_nobody_is_a_ticket_taken_back_and_no_quantity_a_bad_line() {
    let import = read_list(
        "Order,Barcode,Quantity\n1,A-1,0\n2,A-2,-1\n3,A-3,two\n4,A-4,1\n5,A-5,\n6,A-6,0.0\n7,A-7,2.00\n8,A-8,1.5\n",
    );
    let unknown = |line: u64| (format!("line {line}"), "unknown_quantity");
    assert_eq!(bad(&import), [unknown(3), unknown(4), unknown(9)]);
    let told: Vec<_> = import
        .tickets
        .iter()
        .map(|ticket| (code(ticket), ticket.state == State::Valid, ticket.entries))
        .collect();
    assert_eq!(
        told,
        [
            ("A-1", false, None),
            ("A-4", true, None),
            ("A-5", true, None),
            ("A-6", false, None),
            ("A-7", true, Some(2)),
        ]
    );
    let warnings: Vec<_> = import.warnings.iter().map(Warning::to_string).collect();
    let said = warnings
        .iter()
        .any(|w| w.contains("2 lines say 0 in “Quantity”"));
    assert!(said, "{warnings:?}");
}
