// Reads the data and starts what the page has.

try {
  const data = await unpack(JSON.parse(find("data").textContent));
  if (data.report) showReport(data.report);
  if (data.replay) new Replay(data.replay);
  find("subtitle").textContent = data.replay?.title ?? "";
  document.documentElement.dataset.ready = "true";
} catch (error) {
  find("problem").textContent = `This page cannot be shown: ${error.message}. It needs a browser of 2023 or later.`;
  find("problem").hidden = false;
  throw error;
}
