/// The look of the page, in light, dark, narrow and print.
package enum Stylesheet {
  package static let markup: Markup = """
    :root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d5dae0;--tint:#f4f6f8;\
    --link:#0a55a8;--bad:#b3231a;--bad-bg:#fdecea;--warn:#7a4f00;--warn-bg:#fff5dc;--good:#0b6b36;
    --f0:#0072b2;--f1:#a86a00;--f2:#a8437f;--f3:#00795a;--f4:#c4441c;--f5:#4b4f58;--f6:#6a51c9;--f7:#7d6608}
    @media (prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--soft:#a3abb5;--line:#3a424c;\
    --tint:#1d2228;--link:#7db7ff;--bad:#ff9a90;--bad-bg:#3d1a17;--warn:#ffd27a;--warn-bg:#352907;\
    --good:#6fdc9a;
    --f0:#5db5f0;--f1:#f0b440;--f2:#ee9dca;--f3:#42cfa2;--f4:#ff8a5c;--f5:#c6cad1;--f6:#b3a2ff;--f7:#d8c35a}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif;\
    overflow-wrap:break-word}
    header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
    h1{font-size:1.9rem;line-height:1.2;margin:1.5rem 0 .3rem}
    h2{font-size:1.4rem;margin:2.8rem 0 .6rem;padding-top:.6rem;border-top:2px solid var(--line)}
    h3{font-size:1.1rem;margin:1.8rem 0 .4rem}
    p,li{max-width:48rem}
    a{color:var(--link)}
    a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);\
    outline-offset:2px}
    .skip{position:absolute;left:-99rem}
    .skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.5rem 1rem;z-index:9}
    .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);\
    white-space:nowrap}
    .what{color:var(--soft);max-width:none;margin:.2rem 0 1rem}
    .banner{max-width:none;margin:.6rem 0;padding:.7rem 1rem;border-left:6px solid;border-radius:4px}
    .severe{color:var(--bad);background:var(--bad-bg)}
    .caution{color:var(--warn);background:var(--warn-bg)}
    nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:1.2rem 0;padding:0}
    .empty{color:var(--soft);font-style:italic}
    .scroll{position:relative;overflow-x:auto;max-width:100%;margin:.6rem 0 1rem}
    table{border-collapse:collapse;font-size:.86rem;line-height:1.35;font-variant-numeric:tabular-nums}
    caption{caption-side:top;text-align:left;font-weight:600;padding:.3rem 0}
    th,td{text-align:left;vertical-align:top;padding:.35rem .65rem;border-bottom:1px solid var(--line)}
    thead th{background:var(--tint);white-space:nowrap}
    tbody th[scope=row]{font-weight:500;position:sticky;left:0;background:var(--bg);z-index:1;\
    min-width:9.5rem}
    tbody tr:hover td,tbody tr:hover th[scope=row]{background:var(--tint)}
    td ul,td ol{margin:0;padding-left:1.1rem}
    .figures td{white-space:nowrap}
    .figures td b{font-weight:600}
    .figures td small{display:block;color:var(--soft);font-size:.9em}
    .figures td .mark{color:var(--bad)}
    .figures td.absent,td.absent{color:var(--soft);white-space:normal;min-width:9rem;max-width:15rem;\
    font-size:.9em}
    .key{display:inline-block;width:.65rem;height:.65rem;margin-right:.45rem;border-radius:2px;\
    background:var(--c)}
    .tag{display:inline-block;padding:0 .35rem;border:1px solid var(--soft);border-radius:3px;\
    font-size:.8em;color:var(--soft)}
    .needs{width:100%}
    .needs .need th{background:var(--tint);font-weight:600;padding-top:.5rem;white-space:normal}
    .conditions{font-weight:400;color:var(--soft)}
    .needs tbody th[scope=row]{width:13rem}
    .win{color:var(--good)}
    .win::before{content:"▸ "}
    .figure{white-space:nowrap}
    .remark{color:var(--soft)}
    td .remark{display:block}
    .left-out td{font-size:.93em}
    figure{margin:1rem 0 2rem}
    figcaption{color:var(--soft);font-size:.86rem;max-width:60rem}
    figcaption strong{display:block;color:var(--fg);font-size:.95rem}
    summary{cursor:pointer;padding:.2rem 0;color:var(--link)}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,33rem),1fr));gap:0 1.5rem}
    .pair figure{min-width:0}
    svg{display:block;max-width:100%;height:auto;font:12px system-ui,sans-serif}
    svg.lines{min-width:60rem}
    svg.bars{min-width:29rem}
    svg text{fill:var(--fg)}
    .axis line{stroke:var(--fg)}
    .axis .grid{stroke:var(--line)}
    .axis text{fill:var(--soft)}
    .axis .name{fill:var(--fg)}
    .series path,.series .sample{fill:none;stroke:var(--c);stroke-width:1.9;stroke-linejoin:round}
    .series .leader{fill:none;stroke:var(--c);stroke-width:.8;opacity:.6;stroke-dasharray:1 2}
    .series .range{stroke:var(--c);stroke-width:1.2;opacity:.6}
    .full{fill:var(--c);stroke:var(--c);stroke-width:1.4}
    .hollow{fill:var(--bg);stroke:var(--c);stroke-width:1.6}
    .series rect{fill:var(--c)}
    .whisker{stroke:var(--fg);stroke-width:1.3}
    .break{stroke:var(--bg);stroke-width:2.5}
    .heading{font-weight:600}
    .bars .absent{fill:var(--soft);font-style:italic;font-size:11px}
    svg.lines:has(.series:hover) .series:not(:hover){opacity:.18}
    .f0{--c:var(--f0)}.f1{--c:var(--f1)}.f2{--c:var(--f2)}.f3{--c:var(--f3)}
    .f4{--c:var(--f4)}.f5{--c:var(--f5)}.f6{--c:var(--f6)}.f7{--c:var(--f7)}
    .matrix{font-size:.8rem}
    .matrix td{min-width:7.2rem}
    .matrix thead th{white-space:normal;vertical-align:bottom}
    .wrong{background:var(--bad-bg)}
    .sign{font-weight:700}
    .agrees{color:var(--good)}
    .disagrees,.failed{color:var(--bad)}
    .evidence td:last-child{min-width:20rem}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:0}
    dt{color:var(--soft)}
    dd{margin:0}
    pre{overflow-x:auto;padding:.8rem 1rem;background:var(--tint);border-radius:4px}
    footer{color:var(--soft);font-size:.86rem;padding:2rem 1rem}
    @media (max-width:44rem){
    tbody th[scope=row]{min-width:7.5rem;max-width:9rem}
    dl{grid-template-columns:1fr}
    dd{margin-bottom:.4rem}
    .needs,.needs caption,.needs tbody,.needs tr,.needs td,.needs th{display:block;width:auto}
    .needs thead{display:none}
    .needs tbody th[scope=row]{position:static;width:auto;max-width:none;border:0;padding-bottom:0;color:var(--soft)}
    .needs td{padding:.15rem .65rem .35rem}
    .needs td[data-label]::before{content:attr(data-label) ": ";color:var(--soft)}
    .figure{white-space:normal}
    }
    @media print{
    :root{color-scheme:light;--bg:#fff;--fg:#000;--soft:#333;--line:#bbb;--tint:#eee;--link:#000;\
    --bad:#900;--bad-bg:#fff;--warn:#630;--warn-bg:#fff;--good:#000;
    --f0:#0072b2;--f1:#a86a00;--f2:#a8437f;--f3:#00795a;--f4:#c4441c;--f5:#4b4f58;--f6:#6a51c9;--f7:#7d6608}
    @page{size:A4 landscape;margin:12mm}
    body{font-size:10pt}
    header,main,footer{max-width:none;padding:0}
    nav,.skip{display:none}
    .scroll{overflow:visible}
    .pair{grid-template-columns:1fr 1fr}
    svg.lines,svg.bars{min-width:0}
    figure details{display:none}
    figure,tr{break-inside:avoid}
    h2,h3,caption{break-after:avoid}
    table{font-size:7.5pt}
    tbody th[scope=row]{position:static;min-width:0}
    .matrix{font-size:5.5pt;table-layout:fixed;width:100%}
    .matrix td{min-width:0}
    .matrix th,.matrix td{padding:1pt 2pt;overflow-wrap:anywhere}
    :is(.needs,.disagreements) details::details-content{content-visibility:visible;display:block}
    }

    """
}
