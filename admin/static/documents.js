// A choice that shows itself at once; the button beside it is for browsers without scripts.
document.querySelectorAll("[data-submits]").forEach((field) => field.addEventListener("change", () => field.form.requestSubmit()));
