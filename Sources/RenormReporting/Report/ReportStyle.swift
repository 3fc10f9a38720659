/// How a report looks: light and dark, on a phone, and on paper.
enum ReportStyle {
    static let css = """
        :root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --soft: #595959; --line: #d4d4d4;
          --panel: #f5f5f6; --high: #b3261e; --medium: #8a5a00; --low: #3d6b2f; --cell: 209, 73, 91 }
        @media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #151517; --soft: #a8a8ad; --line: #3c3c40;
          --panel: #202024; --high: #ff9a91; --medium: #f0c060; --low: #9fd08a } }
        * { box-sizing: border-box }
        body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); background: var(--paper);
          margin: 0 }
        main { max-width: 860px; margin: 0 auto; padding: 1em 1em 4em }
        h1 { font-size: 1.6em; line-height: 1.2; margin: .6em 0 .4em; overflow-wrap: anywhere }
        h2 { font-size: 1.25em; margin: 2em 0 .5em; border-top: 2px solid var(--line); padding-top: .7em; overflow-wrap: anywhere }
        h3 { font-size: 1.05em; margin: 1.6em 0 .3em }
        p { margin: .4em 0 .8em } .note { color: var(--soft); font-size: .9em }
        table { border-collapse: collapse; font-size: .87em } th, td { padding: .25em .7em; text-align: right;
          border-bottom: 1px solid var(--line); vertical-align: top }
        th { font-weight: 600 } th[scope=row], th:first-child, td:first-child { text-align: left }
        .findings { min-width: 560px } .summary th[scope=row] { white-space: nowrap }
        .facts td, .findings td, .findings th { text-align: left } .facts th { font-weight: 400; color: var(--soft) }
        .facts thead th { font-weight: 600; color: var(--ink) }
        .facts .differs td { font-weight: 600 }
        .scroll { overflow-x: auto; max-width: 100% } .scroll:focus-visible { outline: 2px solid #4477aa; outline-offset: 2px }
        .wide svg { min-width: 640px }
        svg { width: 100%; height: auto; display: block } svg.key { display: inline-block; width: 26px; height: 8px;
          margin-right: .5em; vertical-align: middle }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 14px }
        .legend { font-size: .9em } .legend span { margin-right: 1.2em; display: inline-block }
        .confusion td, .confusion thead th { text-align: center; padding: .2em .35em; min-width: 2.2em }
        .confusion thead th { vertical-align: bottom } .confusion thead span { writing-mode: vertical-rl;
          transform: rotate(180deg); max-height: 9em; overflow: hidden }
        .confusion td.right { background: rgba(68, 119, 170, .18) }
        .confusion td.zero { color: var(--soft) }
        .wrong { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 12px; padding: 0; margin: .6em 0;
          list-style: none }
        .wrong figure { margin: 0; font-size: .82em; line-height: 1.3 } .wrong img { width: 100%; height: auto; image-rendering: pixelated;
          background: #000; border: 1px solid var(--line); border-radius: 3px; display: block; margin-bottom: .3em }
        .wrong .photo img { image-rendering: auto }
        .high { color: var(--high); font-weight: 600 } .medium { color: var(--medium); font-weight: 600 } .low { color: var(--low) }
        .verdict { padding: .6em .9em; background: var(--panel); border-left: 4px solid var(--line) }
        .verdict.healthy { border-color: var(--low) } .verdict.ill { border-color: var(--high) }
        code, pre { font: .86em/1.45 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere }
        pre { background: var(--panel); padding: .8em; overflow-x: auto; white-space: pre-wrap }
        details { margin: .6em 0 } summary { cursor: pointer; padding: .3em 0 }
        @media (max-width: 480px) { body { font-size: 15px } main { padding: .5em .8em 3em } th, td { padding: .25em .45em } }
        @media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #444; --line: #bbb; --panel: #f4f4f4;
          --high: #8c1d18; --medium: #6b4500; --low: #2c5220 }
          main { max-width: none; padding: 0 } body { font-size: 10pt } h2 { break-after: avoid } h3 { break-after: avoid }
          svg, figure, tr, .confusion { break-inside: avoid } .scroll { overflow: visible } .wide svg { min-width: 0 }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact } }
        """
}
