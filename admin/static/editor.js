/* A field with formats (bold, lists, tables, links) over a plain one, which keeps the HTML that the server cleans.
   Without this file one types plain words, and blank lines make paragraphs. */
(() => {
  "use strict";
  const KEPT = new Set(["A", "B", "BLOCKQUOTE", "BR", "EM", "H2", "H3", "HR", "I", "LI", "OL", "P", "S", "STRONG", "SUB", "SUP",
    "TABLE", "TBODY", "TD", "TFOOT", "TH", "THEAD", "TR", "U", "UL"]);
  const DROPPED = new Set(["SCRIPT", "STYLE", "TITLE", "META", "LINK", "HEAD", "TEMPLATE", "OBJECT", "IFRAME", "IMG"]);

  /* What is pasted comes without the colours, fonts and scripts of where it was copied. */
  const clean = (html) => {
    const source = new DOMParser().parseFromString(html, "text/html").body;
    const copy = (from, to) => {
      from.childNodes.forEach((node) => {
        if (node.nodeType === Node.TEXT_NODE) to.append(node.textContent);
        if (node.nodeType !== Node.ELEMENT_NODE || DROPPED.has(node.tagName)) return;
        if (!KEPT.has(node.tagName)) return copy(node, to);
        const made = document.createElement(node.tagName);
        if (node.tagName === "A" && /^(https?|mailto):/i.test(node.getAttribute("href") || "")) made.href = node.href;
        for (const name of ["colspan", "rowspan"]) if (node.hasAttribute(name)) made.setAttribute(name, node.getAttribute(name));
        copy(node, made);
        to.append(made);
      });
    };
    const target = document.createElement("div");
    copy(source, target);
    return target.innerHTML;
  };

  const build = (area, said) => {
    const words = JSON.parse(said.words), icons = JSON.parse(said.icons);
    const box = document.createElement("div");
    box.className = "editor";
    const tools = document.createElement("div");
    tools.className = "tools-bar";
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", words.tools);
    tools.setAttribute("aria-controls", area.id + "-page");
    const page = document.createElement("div");
    page.id = area.id + "-page";
    page.className = "page";
    page.contentEditable = "true";
    page.setAttribute("role", "textbox");
    page.setAttribute("aria-multiline", "true");
    const caption = document.querySelector(`label[for="${area.id}"]`);
    if (caption) {
      caption.id = caption.id || area.id + "-label";
      page.setAttribute("aria-labelledby", caption.id);
      caption.addEventListener("click", () => page.focus());
    }
    if (area.getAttribute("aria-describedby")) page.setAttribute("aria-describedby", area.getAttribute("aria-describedby"));
    page.innerHTML = area.value.includes("<") ? area.value : "";
    if (area.value && !area.value.includes("<")) page.textContent = area.value;
    if (!page.innerHTML) page.innerHTML = "<p><br></p>";
    document.execCommand("defaultParagraphSeparator", false, "p");
    document.execCommand("styleWithCSS", false, "false");

    let last = null;
    const changed = () => {
      area.value = page.textContent.trim() || page.querySelector("table, hr") ? page.innerHTML : "";
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const select = (range) => { const chosen = getSelection(); chosen.removeAllRanges(); chosen.addRange(range); };
    const run = (name, value) => {
      page.focus();
      /* Only when the place was lost: choosing it anew would forget that bold was just switched off. */
      const chosen = getSelection();
      if (last && !(chosen.rangeCount && page.contains(chosen.anchorNode))) select(last);
      document.execCommand(name, false, value);
      lift();
      changed();
    };
    /* Chromium puts lists into paragraphs, where HTML has no place for them. */
    const lift = () => {
      const lists = page.querySelectorAll("p > ul, p > ol");
      if (!lists.length) return;
      const range = getSelection().rangeCount ? getSelection().getRangeAt(0).cloneRange() : null;
      lists.forEach((list) => {
        const around = list.parentElement;
        around.before(list);
        if (!around.textContent.trim()) around.remove();
      });
      if (range) select(range);
    };
    const blockOf = (range) => {
      let node = range && page.contains(range.startContainer) ? range.startContainer : null;
      while (node && node.parentElement !== page) node = node.parentElement;
      return node && node !== page ? node : null;
    };
    const cell = () => {
      const node = last && (last.startContainer.nodeType === 1 ? last.startContainer : last.startContainer.parentElement);
      const found = node && node.closest("td, th");
      return found && page.contains(found) ? found : null;
    };
    const goTo = (where) => {
      const range = document.createRange();
      range.selectNodeContents(where);
      range.collapse(true);
      select(range);
      last = range;
    };
    const fresh = (tag) => { const made = document.createElement(tag); made.innerHTML = "<br>"; return made; };
    const inTable = (change) => {
      const here = cell();
      if (!here) return page.focus();
      page.focus();
      const row = here.parentElement, table = here.closest("table"), at = here.cellIndex;
      const next = change({ here, row, table, at });
      if (table.isConnected && (!table.rows.length || !table.rows[0].cells.length)) table.remove();
      goTo(next && next.isConnected ? next : page);
      changed();
    };
    const actions = {
      bold: () => run("bold"), italic: () => run("italic"), underline: () => run("underline"),
      ul: () => run("insertUnorderedList"), ol: () => run("insertOrderedList"),
      table: () => {
        /* Not by insertHTML: Chromium tears the head of a table off. */
        const made = document.createElement("table");
        const fill = (part, tag, rows) => {
          for (let row = 0; row < rows; row++) {
            const line = part.insertRow();
            for (let column = 0; column < 3; column++) line.append(fresh(tag));
          }
        };
        fill(made.createTHead(), "th", 1);
        fill(made.createTBody(), "td", 2);
        page.focus();
        const block = blockOf(last);
        if (block) block.after(made);
        else page.append(made);
        if (!made.nextElementSibling) made.after(fresh("p"));
        if (block && block.tagName === "P" && !block.textContent.trim()) block.remove();
        goTo(made.rows[0].cells[0]);
        changed();
      },
      row: () => inTable(({ row, table }) => {
        const made = document.createElement("tr");
        [...row.cells].forEach(() => made.append(fresh("td")));
        if (row.parentElement.tagName === "THEAD") (table.tBodies[0] || table.appendChild(document.createElement("tbody"))).prepend(made);
        else row.after(made);
        return made.cells[0];
      }),
      column: () => inTable(({ here, table, at }) => {
        [...table.rows].forEach((row) => (row.cells[at] || row.lastElementChild).after(fresh(row.cells[0].tagName)));
        return here.nextElementSibling;
      }),
      no_row: () => inTable(({ row, at }) => {
        const near = row.nextElementSibling || row.previousElementSibling;
        row.remove();
        return near && (near.cells[at] || near.cells[0]);
      }),
      no_column: () => inTable(({ here, table, at }) => {
        const near = here.nextElementSibling || here.previousElementSibling;
        [...table.rows].forEach((row) => row.cells[at] && row.cells[at].remove());
        return near;
      }),
      link: () => ask(), unlink: () => run("unlink"),
    };

    /* The address of a link is asked for in a dialog; with nothing selected it is also its words. */
    const dialog = document.createElement("dialog");
    const form = document.createElement("form");
    form.method = "dialog";
    const label = document.createElement("label");
    label.textContent = words.address;
    const field = document.createElement("input");
    field.type = "url";
    field.required = true;
    field.placeholder = "https://";
    label.append(field);
    const foot = document.createElement("footer");
    const back = document.createElement("button");
    back.type = "button";
    back.className = "btn";
    back.textContent = words.back;
    back.addEventListener("click", () => dialog.close());
    const put = document.createElement("button");
    put.className = "btn primary";
    put.textContent = words.put;
    foot.append(back, put);
    form.append(label, foot);
    dialog.append(form);
    document.body.append(dialog);
    const ask = () => {
      const range = last;
      const node = range && (range.startContainer.nodeType === 1 ? range.startContainer : range.startContainer.parentElement);
      const old = node && node.closest("a");
      field.value = old ? old.href : "";
      let wanted = "";
      form.onsubmit = () => (wanted = field.value.trim());
      /* While the dialog is open, the text behind it takes neither focus nor changes. */
      dialog.onclose = () => {
        page.focus();
        if (range) select(range);
        if (!/^(https?|mailto):/i.test(wanted)) return;
        if (old) { old.href = wanted; changed(); }
        else if (range && !range.collapsed) run("createLink", wanted);
        else {
          const made = document.createElement("a");
          made.href = made.textContent = wanted;
          run("insertHTML", made.outerHTML + "&nbsp;");
        }
      };
      dialog.showModal();
      field.focus();
    };

    const buttons = Object.keys(actions).map((name, number) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "quiet";
      made.title = words[name];
      made.setAttribute("aria-label", words[name]);
      made.innerHTML = icons[name];
      made.dataset.does = name;
      made.tabIndex = number ? -1 : 0;
      /* Pressing a button must not take the place in the text away. */
      made.addEventListener("mousedown", (event) => event.preventDefault());
      made.addEventListener("click", () => actions[name]());
      if (["ul", "table", "row", "link"].includes(name)) made.classList.add("begins");
      tools.append(made);
      return made;
    });
    tools.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const now = buttons.indexOf(document.activeElement);
      const next = buttons[(now + step + buttons.length) % buttons.length];
      buttons.forEach((one) => (one.tabIndex = one === next ? 0 : -1));
      next.focus();
    });
    document.addEventListener("selectionchange", () => {
      const chosen = getSelection();
      if (!chosen.rangeCount || !page.contains(chosen.anchorNode)) return;
      last = chosen.getRangeAt(0).cloneRange();
      for (const [name, command] of [["bold", "bold"], ["italic", "italic"], ["underline", "underline"],
        ["ul", "insertUnorderedList"], ["ol", "insertOrderedList"]]) {
        buttons.find((one) => one.dataset.does === name).setAttribute("aria-pressed", String(document.queryCommandState(command)));
      }
      const inside = Boolean(cell());
      buttons.filter((one) => ["row", "column", "no_row", "no_column"].includes(one.dataset.does)).forEach((one) => (one.hidden = !inside));
    });
    buttons.filter((one) => ["row", "column", "no_row", "no_column"].includes(one.dataset.does)).forEach((one) => (one.hidden = true));
    page.addEventListener("input", changed);
    page.addEventListener("paste", (event) => {
      const html = event.clipboardData.getData("text/html");
      if (!html) return;
      event.preventDefault();
      document.execCommand("insertHTML", false, clean(html));
    });
    page.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        ask();
      }
      const here = event.key === "Tab" && cell();
      if (!here) return;
      const cells = [...here.closest("table").querySelectorAll("td, th")];
      const next = cells[cells.indexOf(here) + (event.shiftKey ? -1 : 1)];
      if (!next) return;
      event.preventDefault();
      goTo(next);
    });
    box.append(tools, page);
    area.after(box);
    area.hidden = true;
  };
  document.querySelectorAll("textarea[data-rich]").forEach((area) => build(area, area.dataset));
  /* A form that Flask-Admin draws says it beside. */
  const beside = document.getElementById("editor"), field = document.getElementById("body_html");
  if (beside && field) build(field, beside.dataset);
})();
